/** What every page has: the way to the others, who looks, and the page itself. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Candidate, Found } from './pages/candidate.js';
import { Compare } from './pages/compare.js';
import { NewSearch } from './pages/new-search.js';
import { Search } from './pages/search.js';
import { Searches } from './pages/searches.js';
import { SignIn } from './pages/sign-in.js';
import { Try } from './pages/try.js';
import { Workers } from './pages/workers.js';
import { type Route, to, useRoute } from './routes.js';
import { onToken, tokenNeeded } from './service/ask.js';

function Page({ route }: { readonly route: Route }) {
  switch (route.page) {
    case 'searches':
      return <Searches />;
    case 'new':
      return <NewSearch />;
    case 'workers':
      return <Workers />;
    case 'compare':
      return <Compare searches={route.searches} />;
    case 'search':
      return <Search key={route.search} id={route.search} />;
    case 'candidate':
      return <Candidate key={route.candidate} search={route.search} candidate={route.candidate} />;
    case 'final':
      return <Found search={route.search} />;
    case 'try':
      return <Try search={route.search} />;
    case 'unknown':
      return (
        <>
          <h1>There is no such page</h1>
          <p>
            <a href={to.searches}>All searches</a>
          </p>
        </>
      );
  }
}

export function App() {
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const [signIn, setSignIn] = useState(tokenNeeded());
  useEffect(() => onToken(() => setSignIn(tokenNeeded())), []);
  const address = JSON.stringify(route);
  const first = useRef(address);
  useEffect(() => {
    // Whoever goes by keyboard, or listens, begins at the page's beginning.
    if (first.current !== address) main.current?.focus();
    first.current = address;
    scrollTo(0, 0);
  }, [address]);
  const tab = (href: string, text: string, pages: readonly Route['page'][]) => (
    <a href={href} aria-current={pages.includes(route.page) ? 'page' : undefined}>
      {text}
    </a>
  );
  return (
    <>
      <header>
        <a
          class="skip"
          href={location.hash || '#/'}
          onClick={(event) => {
            event.preventDefault();
            main.current?.focus();
          }}
        >
          Skip to the content
        </a>
        <a class="brand" href={to.searches}>
          x3d-search
        </a>
        <nav aria-label="Pages">
          {tab(to.searches, 'Searches', ['searches', 'search', 'candidate', 'final', 'try', 'compare'])}
          {tab(to.new, 'New search', ['new'])}
          {tab(to.workers, 'Workers', ['workers'])}
        </nav>
      </header>
      <main ref={main} tabIndex={-1}>
        {signIn ? <SignIn /> : <Page route={route} />}
      </main>
    </>
  );
}
