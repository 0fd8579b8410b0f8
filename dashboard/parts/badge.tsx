/** The sign and the word of a state, as they stand in a line. */
import { markOf } from './marks.ts';

export function StateBadge({ state, stale = false }: { state: string; stale?: boolean }) {
  const mark = markOf(state);
  return (
    <span class={`state ${stale ? 'calm' : mark.tone}`}>
      <span aria-hidden="true">{mark.sign}</span> {mark.word}
      {stale ? <span class="state calm"> ◌ STALE</span> : undefined}
    </span>
  );
}
