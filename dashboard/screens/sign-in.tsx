/** Where a person shows a token. It goes into a cookie that no script can read; the page forgets it at once. */
import { useState } from 'preact/hooks';
import { mustSignIn, session, signIn } from '../http/session.ts';
import { problemWords } from '../parts/problem.tsx';
import { go } from '../route.ts';

export function Screen() {
  const [token, setToken] = useState('');
  const [refusal, setRefusal] = useState('');
  const [isBusy, setBusy] = useState(false);
  const enter = async (): Promise<void> => {
    setBusy(true);
    const answer = await signIn(token.trim());
    setBusy(false);
    setToken('');
    if (!answer.ok)
      setRefusal(
        answer.problem.status === 401
          ? 'mendd does not know this token, or it has expired.'
          : problemWords(answer.problem),
      );
    else if (location.pathname === '/sign-in') go('/');
  };
  const { name, signedIn = false } = session.value ?? {};
  return (
    <section class="sign-in" aria-labelledby="sign-in-title">
      <h1 id="sign-in-title">Sign in</h1>
      <p class="dim">
        {mustSignIn.value
          ? 'mendd shows nothing here without a token.'
          : 'Reading needs no token here; acting does.'}
        {signedIn ? ` You are signed in as ${name ?? 'a token'}.` : ''}
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void enter();
        }}
      >
        <label class="field">
          Token
          <input
            type="password"
            value={token}
            required
            maxLength={500}
            autoComplete="current-password"
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
        </label>
        <p class="refusal" role="alert">
          {refusal}
        </p>
        <button type="submit" class="primary" disabled={isBusy || token.trim() === ''}>
          {isBusy ? 'Asking…' : 'Sign in'}
        </button>
      </form>
      <p class="dim">
        Make one on the ops box: <code>mendd token create --scope act --name NAME</code>
      </p>
    </section>
  );
}
