/** What must not be overlooked on any view: stale data, a daemon that is not well, definitions that are not those wanted. */
import { isOutdated, may, session } from '../http/session.ts';
import type { NowAnswer } from '../http/wire-types.ts';
import type { Freshness } from '../live/freshness.ts';
import { freshness, now, refresh, serverNowMs } from '../live/now-store.ts';
import { askFollow, askLetIn } from './acts.tsx';
import { useHeld } from './attention.ts';
import { Output } from './output.tsx';
import { At } from './time.tsx';
import { clockTime, span } from './words.ts';

const shownProblems = 6;

const staleWords: Readonly<Record<Extract<Freshness, { kind: 'stale' }>['why'], string>> = {
  no_answer: 'mendd does not answer.',
  clock_jumped: 'The clock of this machine jumped, or it slept.',
  not_ready: 'mendd itself is not well.',
};

function StaleAlarm() {
  const state = freshness.value;
  if (state.kind !== 'stale') return null;
  const at = now.value?.at;
  return (
    <div class="alarm edge-bad">
      {/* Not around the age below, which would be read aloud each second. */}
      <p role="alert">
        <b>◌ Do not trust this page: {staleWords[state.why]}</b>
      </p>
      <p>
        {at === undefined
          ? 'Nothing is known.'
          : `What stands below was so at ${clockTime(at, serverNowMs.value)}${state.why === 'not_ready' ? '' : `, ${span(state.ageMs)} ago`}. It may be otherwise now.`}{' '}
        <button type="button" onClick={refresh}>
          Ask again
        </button>
      </p>
      <Problems items={now.value?.health.problems ?? []} />
    </div>
  );
}

function Problems({ items }: { items: readonly string[] }) {
  if (items.length === 0) return null;
  return (
    <ul class="plain">
      {items.slice(0, shownProblems).map((text) => (
        <li key={text}>
          <Output text={text} limit={500} />
        </li>
      ))}
      {items.length > shownProblems ? (
        <li class="dim">and {items.length - shownProblems} more</li>
      ) : undefined}
    </ul>
  );
}

function DefinitionsAlarms({ definitions }: { definitions: NowAnswer['definitions'] }) {
  const { held, rollback, lastReloadOk, problems } = definitions;
  return (
    <>
      {rollback === undefined ? undefined : (
        <div class="alarm edge-warn">
          <p>
            <b>▲ The definitions were rolled back</b> by {rollback.by} at <At at={rollback.since} />:{' '}
            <Output prose text={rollback.reason} />. No newer ones are taken.{' '}
            {may('admin') ? (
              <button type="button" onClick={askFollow}>
                Follow the branch again…
              </button>
            ) : undefined}
          </p>
        </div>
      )}
      {held === undefined ? undefined : (
        <div class="alarm edge-warn">
          <p>
            <b>▲ The newest definitions wait for a person;</b> those before are in force.{' '}
            <a href="/definitions">Look</a>{' '}
            {may('admin') ? (
              <button type="button" onClick={() => askLetIn(held.revision, held.why)}>
                Let them in…
              </button>
            ) : undefined}
          </p>
          <Problems items={held.why} />
        </div>
      )}
      {held === undefined && !lastReloadOk ? (
        <div class="alarm edge-warn">
          <p>
            <b>▲ The newest definitions were refused;</b> those before are in force.{' '}
            <a href="/definitions">Look</a>
          </p>
          <Problems items={problems} />
        </div>
      ) : undefined}
    </>
  );
}

export function Alarms() {
  const definitions = useHeld(now.value?.definitions);
  return (
    <div class="alarms">
      <StaleAlarm />
      {isOutdated.value ? (
        <p class="note edge-warn">
          <b>▲ mendd was updated</b> to {session.value?.version}; this page is of the version before.{' '}
          <button type="button" onClick={() => location.reload()}>
            Load it again
          </button>
        </p>
      ) : undefined}
      {definitions === undefined ? undefined : <DefinitionsAlarms definitions={definitions} />}
    </div>
  );
}
