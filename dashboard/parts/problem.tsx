/** What the daemon refused, in words that say what to do now. */
import type { Problem } from '../http/client.ts';

const meanings: Readonly<Record<number, string>> = {
  401: 'You are not signed in, or your token has expired.',
  403: 'Your token does not allow that.',
  409: 'It is not possible now.',
  412: 'Somebody was faster, or it is no longer what you read. Nothing was done; look again.',
  429: 'Too many requests; wait a moment.',
};

/** One or two sentences. */
export function problemWords({ status, detail, hint, errors = [] }: Problem): string {
  const places = errors.map(({ pointer, detail: text }) => `${pointer}: ${text}`).join('; ');
  const said = places === '' ? detail : places;
  return [meanings[status], said, hint].filter((part) => part !== undefined && part !== '').join(' ');
}

/** In place of what could not be read, or above what was read before. */
export function ProblemNote({ problem, isOld = false }: { problem: Problem; isOld?: boolean }) {
  return (
    <p class="note edge-warn" role="alert">
      <b>▲ {isOld ? 'Not read anew' : 'Not shown'}:</b> {problemWords(problem)}
    </p>
  );
}
