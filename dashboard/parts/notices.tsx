/** Short words to the reader: what was done or refused as a note that goes away, and for screen readers what the verdict has become. */
import { signal } from '@preact/signals';
import type { Tone } from './marks.ts';

interface Notice {
  id: number;
  text: string;
  tone: Tone;
}

const shownMs = 8_000;
const most = 4;

const notices = signal<readonly Notice[]>([]);
const spoken = signal('');
let lastId = 0;

export function notify(text: string, tone: Tone = 'calm'): void {
  lastId += 1;
  const id = lastId;
  notices.value = [...notices.value, { id, text, tone }].slice(-most);
  setTimeout(() => dismiss(id), shownMs);
}

function dismiss(id: number): void {
  notices.value = notices.value.filter((each) => each.id !== id);
}

/** Said aloud once by screen readers; seen by nobody. */
export function announce(text: string): void {
  spoken.value = text;
}

export function Notices() {
  return (
    <>
      <div class="unseen" aria-live="polite" role="status" id="verdict-changes">
        {spoken.value}
      </div>
      <div class="notices" role="log" aria-live="polite" aria-label="Notes">
        {notices.value.map(({ id, text, tone }) => (
          <p key={id} class={`notice edge-${tone}`}>
            {text}
            <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(id)}>
              ×
            </button>
          </p>
        ))}
      </div>
    </>
  );
}
