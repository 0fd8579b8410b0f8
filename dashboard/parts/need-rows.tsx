/** The rows of troubles that wait for a person: questions, and what was given up or is held. */

import type { ComponentChildren } from 'preact';
import type { CheckStatusAnswer, NowAnswer, RunItemAnswer } from '../http/wire-types.ts';
import { link } from '../route.ts';
import { askAcknowledgement, askApproval, askRejection, askSilence, checkNow } from './acts.tsx';
import { fold } from './folded.ts';
import { markOf, runMark } from './marks.ts';
import { Output } from './output.tsx';
import { reachOf } from './reach.ts';
import { type Command, Row } from './row.tsx';
import { At, Since, Until } from './time.tsx';
import { openWhy } from './why.tsx';
import { shortName } from './words.ts';

type Need = NowAnswer['needsYou'][number];
type Asked = NowAnswer['approvals'][number];

/** The host's own trouble has this in place of a check; it cannot be run. */
const hostTrouble = 'host';
const textLimit = 400;
const shownSteps = 8;

/** Acknowledge, silence, check and ask why: for the trouble of any check. */
export function troubleCommands(host: string, check: string): Command[] {
  return [
    { key: 'c', label: 'Acknowledge', scope: 'ack', run: () => askAcknowledgement(host, check) },
    { key: 's', label: 'Silence', scope: 'ack', run: () => askSilence(host, check) },
    ...(check === hostTrouble
      ? []
      : [{ key: 'r', label: 'Check now', scope: 'act' as const, run: () => void checkNow(host, check) }]),
    { key: 'e', label: 'Why?', scope: 'read', run: () => openWhy(host, check) },
  ];
}

export function TroubleTitle({ host, check }: { host: string; check: string }) {
  return (
    <a class="trouble" href={link('incidents', host, check)}>
      {host} <span class="dim">›</span> {shortName(check)}
    </a>
  );
}

function RunStep({ run, times }: { run: RunItemAnswer; times: number }) {
  const mark = runMark(run.status);
  const exit = run.exitCode === undefined || run.exitCode === 0 ? '' : ` exit ${run.exitCode}`;
  return (
    <li class={`step ${mark.tone}`}>
      <a href={link('runs', run.id)} title={run.outcome ?? ''}>
        <At at={run.decidedAt} /> {shortName(run.action)} <span aria-hidden="true">{mark.sign}</span>{' '}
        {mark.word}
        {exit}
        {times > 1 ? ` ×${times}` : ''}
      </a>
    </li>
  );
}

interface StoryProps {
  status: CheckStatusAnswer;
  /** Newest first. */
  runs: readonly RunItemAnswer[];
  /** What comes next. */
  children: ComponentChildren;
}

/** What was tried, oldest first, and what comes next. */
function Story({ status, runs, children }: StoryProps) {
  const mark = markOf(status.state);
  const steps = fold(runs.toReversed(), (run) => `${run.action} ${run.status}`).slice(-shownSteps);
  return (
    <ol class="story" aria-label="What was tried and what comes next">
      <li class={`step ${mark.tone}`}>
        <At at={status.problemSince ?? status.since} /> <span aria-hidden="true">{mark.sign}</span> began
      </li>
      {steps.map(({ item, times }) => (
        <RunStep key={item.id} run={item} times={times} />
      ))}
      <li class="step next">{children}</li>
    </ol>
  );
}

export function NeedRow({ need, suppressed }: { need: Need; suppressed?: string | undefined }) {
  const { explanation, status, next, runs } = need;
  const { host, check } = explanation;
  const mark = markOf(status.state);
  const since = status.problemSince ?? status.since;
  const outcome = runs[0]?.outcome;
  return (
    <Row
      id={`need ${host} ${explanation.ladder}`}
      tone={mark.tone}
      sign={mark.sign}
      href={link('incidents', host, check)}
      commands={troubleCommands(host, check)}
      aside={
        <>
          <span>
            for <Since at={since} />
          </span>
          <span>
            since <At at={since} />
          </span>
        </>
      }
    >
      <h3>
        <span class={`state ${mark.tone}`}>{mark.word}</span> <TroubleTitle host={host} check={check} />
      </h3>
      <p>
        <Output text={status.lastResult?.text ?? ''} limit={textLimit} />
      </p>
      <Story status={status} runs={runs}>
        {next.action === undefined ? 'nothing more will be tried' : `next: ${shortName(next.action)}`}
        {next.earliest === undefined ? undefined : (
          <>
            {' '}
            <Until at={next.earliest} />
          </>
        )}
      </Story>
      {outcome === undefined ? undefined : (
        <p class="dim">
          Last: <Output prose text={outcome} limit={textLimit} />
        </p>
      )}
      <p>
        <b>{next.why}.</b>
        {next.opens === undefined ? undefined : (
          <span class="dim">
            {' '}
            Opens with: <Output prose text={next.opens.replaceAll('`', '')} limit={textLimit} />.
          </span>
        )}
        {suppressed === undefined ? undefined : <span class="tag">{suppressed}</span>}
      </p>
    </Row>
  );
}

export function ApprovalRow({ asked }: { asked: Asked }) {
  const { trouble } = asked;
  const reach = reachOf(asked.gates);
  return (
    <Row
      id={`approval ${asked.id}`}
      tone="bad"
      sign="?"
      href={link('approvals')}
      commands={[
        {
          key: 'a',
          label: `Approve ${shortName(asked.action)}…`,
          look: 'primary',
          scope: 'act',
          run: () => askApproval(asked),
        },
        { key: 'x', label: 'Reject', scope: 'act', run: () => askRejection(asked) },
        ...troubleCommands(asked.host, asked.check),
      ]}
      aside={
        <>
          <span>
            ends <Until at={asked.expiresAt} />
          </span>
          <span>
            asked <At at={asked.createdAt} />
          </span>
        </>
      }
    >
      <h3>
        <span class="state bad">MAY THIS RUN</span> <TroubleTitle host={asked.host} check={asked.check} />
        {trouble === undefined ? undefined : (
          <span class={`tag ${markOf(trouble.state).tone}`}>
            {markOf(trouble.state).sign} {markOf(trouble.state).word}
          </span>
        )}
      </h3>
      {trouble === undefined ? undefined : (
        <>
          <p>
            <Output text={trouble.lastResult?.text ?? ''} limit={textLimit} />
          </p>
          <Story status={trouble} runs={asked.tried}>
            next: {shortName(asked.action)}, if you say yes
          </Story>
        </>
      )}
      <Output block class="command" text={asked.command} limit={textLimit} />
      <p>
        <b>{asked.action}</b>, because <Output prose text={asked.reason} limit={textLimit} />. Without a yes
        it is not done.
      </p>
      {reach.length === 0 ? undefined : <p class="dim">{reach.join(' · ')}</p>}
    </Row>
  );
}
