/** The rows of what needs nobody at this moment: repairs under way, what was healed, other problems, hosts that cannot be asked. */
import type { CheckAnswer, NowAnswer } from '../http/wire-types.ts';
import { serverNowMs } from '../live/now-store.ts';
import { link } from '../route.ts';
import { askCancel } from './acts.tsx';
import { markOf } from './marks.ts';
import { TroubleTitle, troubleCommands } from './need-rows.tsx';
import { Output } from './output.tsx';
import type { Passed } from './passed.ts';
import { Row } from './row.tsx';
import { At, Since } from './time.tsx';
import { count, shortName, span } from './words.ts';

type Healing = NowAnswer['healing'][number];
type Healed = NowAnswer['healed'][number];
type Unreachable = NowAnswer['unreachable'][number];
type Flapping = NowAnswer['flapping'][number];

const textLimit = 300;
/** Names of those behind it are enough: their trouble is the same. */
const behindShown = 10;

/** How far it is, in words and as a bar where there is an end to it. */
function Progress({ run }: { run: Healing }) {
  const nowMs = serverNowMs.value;
  const name = shortName(run.action);
  if (run.status === 'intended') return <>{name} is about to be sent</>;
  if (run.status === 'unknown')
    return <>what became of {name} is not known; it is not sent again by itself</>;
  const [from, limitMs, doing] =
    run.status === 'verifying'
      ? [
          run.endedAt ?? run.dispatchedAt ?? run.decidedAt,
          undefined,
          `${name} is done, waiting for the check to stay OK`,
        ]
      : [run.dispatchedAt ?? run.decidedAt, run.timeoutMs, `running ${name}`];
  const byMs = run.verifyBy === undefined ? undefined : Date.parse(run.verifyBy) - Date.parse(from);
  const wholeMs = limitMs ?? byMs;
  const soFarMs = Math.max(0, nowMs - Date.parse(from));
  if (wholeMs === undefined || wholeMs <= 0) return <>{doing}</>;
  const shownMs = Math.min(soFarMs, wholeMs);
  return (
    <>
      {doing} ({span(soFarMs)} of at most {span(wholeMs)})
      <progress value={shownMs} max={wholeMs} aria-label={`${span(soFarMs)} of ${span(wholeMs)}`} />
    </>
  );
}

export function HealingRow({ run }: { run: Healing }) {
  return (
    <Row
      id={`run ${run.id}`}
      tone="busy"
      sign="↻"
      calm
      href={link('runs', run.id)}
      commands={[
        { key: 'x', label: 'Cancel…', scope: 'act', run: () => askCancel(run) },
        ...troubleCommands(run.host, run.check).filter(({ key }) => key !== 'c' && key !== 's'),
      ]}
      aside={
        <>
          for <Since at={run.decidedAt} />
        </>
      }
    >
      <h3>
        <TroubleTitle host={run.host} check={run.check} />
      </h3>
      <p class="progress">
        <Progress run={run} />
      </p>
      {run.text === undefined ? undefined : (
        <p class="dim">
          <Output text={run.text} limit={textLimit} />
        </p>
      )}
    </Row>
  );
}

/** `times`: as often in a row the same was healed in the same way. */
export function HealedRow({ run, times }: { run: Healed; times: number }) {
  const tookMs = Date.parse(run.endedAt ?? run.decidedAt) - Date.parse(run.decidedAt);
  return (
    <Row
      id={`healed ${run.id}`}
      tone="ok"
      sign="✓"
      slim
      href={link('runs', run.id)}
      aside={run.downMs === undefined ? undefined : `down ${span(run.downMs)}`}
    >
      <p>
        <span class="when">
          <At at={run.endedAt ?? run.decidedAt} />
        </span>{' '}
        <TroubleTitle host={run.host} check={run.check} />{' '}
        <a href={link('runs', run.id)}>{shortName(run.action)}</a> fixed it in {span(tookMs)}
        {times > 1 ? <b> ×{times}</b> : undefined}
        {run.decidedBy === 'rule' ? undefined : (
          <span class="dim"> ({run.decidedBy.replace('person:', 'by ')})</span>
        )}
      </p>
    </Row>
  );
}

/** It came back without a repair. `times`: as often the same did. */
export function PassedRow({ passed, times }: { passed: Passed; times: number }) {
  const { host, check, state, beganAt, endedAt } = passed;
  return (
    <Row
      id={`passed ${host} ${check}`}
      tone="calm"
      sign="·"
      slim
      href={link('incidents', host, check)}
      aside={beganAt === undefined ? undefined : `down ${span(Date.parse(endedAt) - Date.parse(beganAt))}`}
    >
      <p>
        <span class="when">
          <At at={endedAt} />
        </span>{' '}
        <TroubleTitle host={host} check={check} /> came back from {markOf(state).word} by itself
        {times > 1 ? <b> ×{times}</b> : undefined}
      </p>
    </Row>
  );
}

export function FlappingRow({ flapping }: { flapping: Flapping }) {
  const { host, check, percent, held, heldMore } = flapping;
  return (
    <Row
      id={`flapping ${host} ${check}`}
      tone="warn"
      sign="⇅"
      slim
      href={link('incidents', host, check)}
      commands={troubleCommands(host, check).filter(({ key }) => key === 's' || key === 'e')}
      aside={held === 0 ? undefined : `suppressed ${held}${heldMore === true ? ' times or more' : ''}`}
    >
      <p>
        <span class="state warn">FLAPPING</span> <TroubleTitle host={host} check={check} /> comes and goes by
        itself ({Math.round(percent)} % of its last results); actions are held
      </p>
    </Row>
  );
}

export function ProblemRow({ check, suppressed }: { check: CheckAnswer; suppressed?: string | undefined }) {
  const { host, check: id, status, stale, maxAttempts } = check;
  const mark = markOf(status.state);
  const since = status.problemSince ?? status.since;
  return (
    <Row
      id={`problem ${host} ${id}`}
      calm
      tone={stale ? 'calm' : mark.tone}
      sign={stale ? '◌' : mark.sign}
      href={link('incidents', host, id)}
      commands={troubleCommands(host, id)}
      aside={
        <>
          for <Since at={since} />
        </>
      }
    >
      <h3>
        <span class={`state ${stale ? 'calm' : mark.tone}`}>{mark.word}</span>{' '}
        <TroubleTitle host={host} check={id} />
        {stale ? <span class="tag">STALE, the last known state</span> : undefined}
        {status.type === 'soft' ? (
          <span class="tag">
            seen {status.attempt} of {maxAttempts}
          </span>
        ) : undefined}
        {suppressed === undefined ? undefined : <span class="tag">{suppressed}</span>}
        {status.suppressedBy === undefined ? undefined : (
          <span class="tag">behind {shortName(status.suppressedBy)}</span>
        )}
      </h3>
      <p>
        <Output text={status.lastResult?.text ?? ''} limit={textLimit} />
      </p>
    </Row>
  );
}

export function UnreachableRow({ host }: { host: Unreachable }) {
  const { failure, since, lastSeenAt } = host.status;
  const { behind } = host;
  const rest = behind.length > behindShown ? ` and ${behind.length - behindShown} more` : '';
  return (
    <Row
      id={`unreachable ${host.name}`}
      calm
      tone="warn"
      sign="⌁"
      href={link('hosts', host.name)}
      commands={troubleCommands(host.name, 'host').filter(({ key }) => key !== 'r')}
      aside={
        <>
          <span>
            for <Since at={since} />
          </span>
          {lastSeenAt === undefined ? undefined : (
            <span>
              seen <At at={lastSeenAt} />
            </span>
          )}
        </>
      }
    >
      <h3>
        <span class="state warn">UNREACHABLE</span> <a href={link('hosts', host.name)}>{host.name}</a>{' '}
        <span class="dim">{failure?.stage.replaceAll('_', ' ')}</span>
      </h3>
      <p>
        <Output text={failure?.message ?? ''} limit={textLimit} />
      </p>
      <p class="dim">
        <Output prose text={failure?.hint ?? ''} limit={textLimit} /> Its checks keep their last state; no
        action runs there.
      </p>
      {behind.length === 0 ? undefined : (
        <p>
          {count(behind.length, 'host')} behind it: {behind.slice(0, behindShown).join(', ')}
          {rest}
        </p>
      )}
    </Row>
  );
}
