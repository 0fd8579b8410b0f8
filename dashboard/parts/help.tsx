/** The help: what the keys do and what the signs mean. */
import { keysNow } from '../keyboard.ts';
import { openDialog } from './dialog.tsx';
import { markOf } from './marks.ts';

const states = ['critical', 'warning', 'unknown', 'ok', 'unreachable', 'stale', 'healing'];

function Help() {
  return (
    <>
      <h3>Keys</h3>
      <p class="dim">They act on the row with the frame around it, and are off while you type.</p>
      <dl class="keys">
        {keysNow().map(({ key, does }) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>Close this</dd>
        </div>
      </dl>
      <h3>Signs</h3>
      <ul class="signs">
        {states.map((state) => {
          const { sign, word, tone } = markOf(state);
          return (
            <li key={state} class={`state ${tone}`}>
              <span aria-hidden="true">{sign}</span> {word}
            </li>
          );
        })}
      </ul>
    </>
  );
}

export function openHelp(): boolean {
  openDialog('Help', () => <Help />);
  return true;
}
