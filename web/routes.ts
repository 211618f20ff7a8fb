/** Which page is shown: what follows # in the address, so that the service's own paths stay its own. */
import { useEffect, useState } from 'preact/hooks';

export type Route =
  | { readonly page: 'searches' }
  | { readonly page: 'new' }
  | { readonly page: 'workers' }
  | { readonly page: 'compare'; readonly searches: readonly string[] }
  | { readonly page: 'search'; readonly search: string }
  | { readonly page: 'candidate'; readonly search: string; readonly candidate: string }
  | { readonly page: 'final'; readonly search: string }
  | { readonly page: 'try'; readonly search: string }
  | { readonly page: 'unknown' };

export function routeOf(hash: string): Route {
  const parts = hash
    .replace(/^#?\/?/, '')
    .split('/')
    .filter((part) => part !== '')
    .map(decoded);
  const [first, search, what, candidate] = parts;
  if (first === undefined || (first === 'searches' && search === undefined)) return { page: 'searches' };
  if (first === 'new' || first === 'workers') return { page: first };
  if (first === 'compare') return { page: 'compare', searches: (search ?? '').split(',').filter(Boolean) };
  if (first !== 'searches' || search === undefined) return { page: 'unknown' };
  if (what === undefined) return { page: 'search', search };
  if (what === 'candidates' && candidate !== undefined) return { page: 'candidate', search, candidate };
  if (what === 'final' || what === 'try') return { page: what, search };
  return { page: 'unknown' };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const path = (...parts: readonly string[]) => `#/${parts.map(encodeURIComponent).join('/')}`;
export const to = {
  searches: path('searches'),
  new: path('new'),
  workers: path('workers'),
  compare: (searches: readonly string[]) => path('compare', searches.join(',')),
  search: (search: string) => path('searches', search),
  candidate: (search: string, candidate: string) => path('searches', search, 'candidates', candidate),
  final: (search: string) => path('searches', search, 'final'),
  try: (search: string) => path('searches', search, 'try'),
};

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return routeOf(hash);
}
