/** The automation switch: how far mendd may go, what of the budget is used, who paused it and until when. */
import { may } from '../http/session.ts';
import type { NowAnswer } from '../http/wire-types.ts';
import { now } from '../live/now-store.ts';
import { askPause, askResume } from './acts.tsx';
import { Output } from './output.tsx';
import { At, Until } from './time.tsx';
import { span } from './words.ts';

type Mode = NowAnswer['automation']['mode'];

const modeWords: Readonly<Record<Mode, string>> = {
  auto: 'automation ON',
  approve: 'automation ASKS first',
  propose: 'automation only PROPOSES',
  observe: 'automation only OBSERVES',
};

/** One button: off when it is on, on when it is off. */
export function toggleAutomation(): boolean {
  const automation = now.value?.automation;
  if (automation === undefined || !may('act')) return false;
  if (automation.paused === undefined) askPause();
  else askResume();
  return true;
}

export function AutomationChip() {
  const automation = now.value?.automation;
  if (automation === undefined) return null;
  const { mode, paused, fleetRuns } = automation;
  if (paused !== undefined)
    return (
      <span class="chip edge-warn">
        <b>❚❚ automation PAUSED</b>
        {paused.until === undefined ? undefined : (
          <>
            {' '}
            until <At at={paused.until} />
          </>
        )}
      </span>
    );
  const isSpent = fleetRuns.used >= fleetRuns.limit;
  return (
    <span class={`chip ${isSpent || mode !== 'auto' ? 'edge-warn' : ''}`}>
      <b>{modeWords[mode]}</b> · {fleetRuns.used}/{fleetRuns.limit} actions in {span(fleetRuns.perMs)}
    </span>
  );
}

export function AutomationButton() {
  const automation = now.value?.automation;
  if (automation === undefined || !may('act')) return null;
  return (
    <button type="button" class={automation.paused === undefined ? '' : 'primary'} onClick={toggleAutomation}>
      {automation.paused === undefined ? 'Pause all' : 'Resume'} <kbd aria-hidden="true">P</kbd>
    </button>
  );
}

/** Who paused it and why; brakes that people released; why it waits after a start. */
export function AutomationNotes({ automation }: { automation: NowAnswer['automation'] }) {
  const { paused, brakes, doubt } = automation;
  const released = brakes.flatMap(({ scope, state }) =>
    state?.released === undefined ? [] : [{ scope, released: state.released }],
  );
  return (
    <>
      {paused === undefined ? undefined : (
        <p class="note edge-warn">
          <b>❚❚ Nothing is repaired by itself.</b> Paused by {paused.by} since <At at={paused.since} />:{' '}
          <Output prose text={paused.reason} />.{' '}
          {paused.until === undefined ? (
            'It stays so until somebody resumes it.'
          ) : (
            <>
              It ends <Until at={paused.until} />.
            </>
          )}
        </p>
      )}
      {released.map(({ scope, released: { by, reason, at } }) => (
        <p key={scope} class="note edge-warn">
          <b>◻ The brake of {scope} was released</b> by {by} at <At at={at} />: <Output prose text={reason} />
        </p>
      ))}
      {doubt?.cause === 'fresh_round_pending' ? (
        <p class="note edge-calm">
          <b>◌ mendd waits for fresh results</b> before it acts; nobody has to do anything.
        </p>
      ) : undefined}
    </>
  );
}
