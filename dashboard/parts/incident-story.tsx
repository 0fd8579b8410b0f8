/** The whole story of one check, newest first: changes of state, what was decided and why, what was done, who was told. */
import { useState } from 'preact/hooks';
import { apiPath } from '../http/client.ts';
import type {
  DecisionAnswer,
  MessageAnswer,
  RunAnswer,
  RunItemAnswer,
  TransitionAnswer,
} from '../http/wire-types.ts';
import { useResource } from '../live/resource.ts';
import { hrefWith, link } from '../route.ts';
import { StateBadge } from './badge.tsx';
import { Gates } from './gate-table.tsx';
import type { Moment } from './moments.ts';
import { Output } from './output.tsx';
import { Reading } from './reading.tsx';
import { RunDetails, RunStatus } from './run-details.tsx';
import { useSteady } from './steady.tsx';
import { At } from './time.tsx';
import { plain, shortName } from './words.ts';

export function Story({ moments, hasOlder }: { moments: readonly Moment[]; hasOlder: boolean }) {
  const steady = useSteady(moments, ({ key }) => key);
  if (moments.length === 0)
    return <p class="dim">{hasOlder ? 'Nothing in this time.' : 'Nothing has happened yet.'}</p>;
  return (
    <>
      {steady.notice}
      <ol class="timeline" {...steady.hold}>
        {steady.items.map((moment) => (
          <li key={moment.key} class={moment.kind}>
            <At at={moment.at} />
            <div class="grow">
              {moment.kind === 'change' ? <Change change={moment.change} /> : undefined}
              {moment.kind === 'decision' ? <Decision decision={moment.decision} /> : undefined}
              {moment.kind === 'run' ? <Run run={moment.run} /> : undefined}
              {moment.kind === 'message' ? <Told message={moment.message} /> : undefined}
            </div>
          </li>
        ))}
      </ol>
    </>
  );
}

function Change({ change }: { change: TransitionAnswer }) {
  return (
    <>
      <StateBadge state={change.to} />{' '}
      <span class="dim">
        {change.from === change.to ? '' : `was ${change.from} · `}
        {change.type}
        {change.to === 'ok' || change.type === 'hard' ? '' : `, try ${change.attempt}`}
        {change.afterAction ? ' · after an action' : ''}
        {change.flapping ? ` · flapping (${change.percent.toFixed(0)} %)` : ''}
      </span>
      <div>
        <Output text={change.text} />
      </div>
    </>
  );
}

function Decision({ decision }: { decision: DecisionAnswer }) {
  return (
    <>
      <span class="state calm">· {plain(decision.verdict)}</span> <b>{shortName(decision.action)}</b>:{' '}
      {plain(decision.reason)}
      {decision.count === 1 ? undefined : (
        <span class="dim">
          , {decision.count} times until <At at={decision.lastAt} />
        </span>
      )}{' '}
      <a href={hrefWith('at', decision.lastAt)}>Why then?</a>
      <Gates gates={decision.gates} />
    </>
  );
}

function Run({ run }: { run: RunItemAnswer }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <RunStatus status={run.status} /> <a href={link('runs', run.id)}>{shortName(run.action)}</a>{' '}
      <span class="dim">
        by <Output text={run.decidedBy} limit={80} />
        {run.approvedBy === undefined ? undefined : (
          <>
            , approved by <Output text={run.approvedBy} limit={80} />
          </>
        )}
      </span>
      <div>
        <Output text={run.outcome ?? run.reason} limit={300} prose />
      </div>
      <Output text={run.command} limit={300} class="command" />
      <details class="more" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>Output, gates and verification</summary>
        {isOpen ? <WholeRun id={run.id} /> : undefined}
      </details>
    </>
  );
}

function WholeRun({ id }: { id: string }) {
  const run = useResource<RunAnswer>(apiPath`/api/v1/runs/${id}`, (event) => event.runId === id);
  return <Reading of={run}>{(value) => <RunDetails run={value} as="h3" />}</Reading>;
}

const messageWords: Readonly<Record<string, string>> = {
  waiting: '◌ is being told',
  sent: '✉ was told',
  dead: '✗ could not be told',
  dismissed: '✗ could not be told, and nobody tries again',
};

function Told({ message }: { message: MessageAnswer }) {
  return (
    <>
      <b>{message.target}</b> {messageWords[message.status] ?? plain(message.status)}{' '}
      <span class="dim">
        {message.kind}
        {message.attempts > 1 ? `, ${message.attempts} attempts` : ''}
      </span>
      <div>
        <Output text={message.subject} limit={300} prose />
      </div>
      {message.lastError === undefined || message.status === 'sent' ? undefined : (
        <div class="bad">
          <Output text={message.lastError} limit={300} prose />
        </div>
      )}
    </>
  );
}
