/** Where the service is open to those alone who have a token. */
import { useRef } from 'preact/hooks';
import { useTitle } from '../parts/words.js';
import { signIn, token } from '../service/ask.js';

export function SignIn() {
  const field = useRef<HTMLInputElement>(null);
  useTitle('Sign in');
  const refused = token() !== null;
  return (
    <form
      class="narrow"
      onSubmit={(event) => {
        event.preventDefault();
        const given = field.current?.value.trim() ?? '';
        if (given !== '') signIn(given);
      }}
    >
      <h1>A token is needed</h1>
      <p id="why">
        Whoever runs this service can make one with <code>x3d-search token create NAME</code>. It is kept
        until this tab is closed.
      </p>
      {refused && (
        <p class="trouble" role="alert">
          The token that this tab used is not valid here, or no longer is.
        </p>
      )}
      <label>
        Token
        <input ref={field} type="password" name="token" autocomplete="off" required aria-describedby="why" />
      </label>
      <button type="submit" class="main sign-in">
        Sign in
      </button>
    </form>
  );
}
