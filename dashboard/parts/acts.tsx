/** What a person can do from a row or a key: each opens its dialog, which says what will happen before it does. */
import { apiPath, send } from '../http/client.ts';
import type {
  ApprovalAnswer,
  BrakeAnswer,
  CheckAnswer,
  RunItemAnswer,
  TrustCapAnswer,
} from '../http/wire-types.ts';
import { refresh, serverNowMs } from '../live/now-store.ts';
import { Act, type Choice, openDialog } from './dialog.tsx';
import { notify } from './notices.tsx';
import { Output } from './output.tsx';
import { problemWords } from './problem.tsx';
import { reachOf } from './reach.ts';
import { Until } from './time.tsx';
import { clockTime } from './words.ts';

/** A person must see all of what they say yes to. */
const commandLimit = 64_000;

const holdSpans: readonly Choice[] = [
  { value: '1h', label: '1 hour' },
  { value: '15m', label: '15 min' },
  { value: '4h', label: '4 hours' },
  { value: '24h', label: '1 day' },
];

/** Of what may be done without saying why. */
export function whyBody(reason: string): { reason?: string } {
  return reason === '' ? {} : { reason };
}

function Facts({ rows }: { rows: readonly (readonly [string, string])[] }) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <Output prose text={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function askApproval(asked: ApprovalAnswer): void {
  const reach = reachOf(asked.gates);
  openDialog(`Let ${asked.action} run on ${asked.host}?`, () => (
    <Act
      reason="optional"
      confirm="Approve"
      danger
      typeWord={asked.host}
      done={`Approved: ${asked.action} on ${asked.host}.`}
      run={({ reason }) =>
        send('POST', apiPath`/api/v1/approvals/${asked.id}/approve`, whyBody(reason), {
          ifMatch: asked.tag,
        })
      }
    >
      <p>This runs on {asked.host}, exactly:</p>
      <Output block class="command" text={asked.command} limit={commandLimit} />
      {reach.length === 0 ? undefined : (
        <>
          <h3>How far it reaches</h3>
          <ul class="plain">
            {reach.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </>
      )}
      <p class="dim">
        Asked because of {asked.check}: <Output prose text={asked.reason} />. The question ends{' '}
        <Until at={asked.expiresAt} />.
      </p>
    </Act>
  ));
}

export function askRejection(asked: ApprovalAnswer): void {
  openDialog(`Do not run ${asked.action} on ${asked.host}?`, () => (
    <Act
      reason="needed"
      confirm="Reject"
      done={`Rejected: ${asked.action} on ${asked.host}.`}
      run={({ reason }) =>
        send('POST', apiPath`/api/v1/approvals/${asked.id}/reject`, { reason }, { ifMatch: asked.tag })
      }
    >
      <p>It is not asked again for this problem.</p>
    </Act>
  ));
}

export function askAcknowledgement(host: string, check: string): void {
  openDialog(`Take ${host} › ${check} on yourself?`, () => (
    <Act
      reason="needed"
      usualReason="I am looking into it"
      confirm="Acknowledge"
      done={`Acknowledged: ${host} › ${check}.`}
      run={({ reason }) => send('POST', '/api/v1/acknowledgements', { host, check, reason })}
    >
      <p>Nothing acts on this problem until it ends or its state changes. Checks go on.</p>
    </Act>
  ));
}

export function askSilence(host: string, check: string): void {
  openDialog(`Silence ${host} › ${check}?`, () => (
    <Act
      reason="needed"
      usualReason="silenced from the page"
      spans={holdSpans}
      confirm="Silence"
      done={`Silenced: ${host} › ${check}.`}
      run={({ reason, span: length }) =>
        send('POST', '/api/v1/silences', { match: { hosts: [host], checks: [check] }, reason, for: length })
      }
    >
      <p>Nothing acts on it and nobody is told of it until then. Checks go on.</p>
    </Act>
  ));
}

/** The daemon waits for the verdict; so long may a check take. Milliseconds. */
const checkWithinMs = 180_000;

export async function checkNow(host: string, check: string): Promise<void> {
  notify(`Checking ${host} › ${check}…`);
  const path = apiPath`/api/v1/checks/${host}/${check}/run`;
  const answer = await send<CheckAnswer>('POST', path, {}, { withinMs: checkWithinMs });
  refresh();
  if (!answer.ok) notify(`${host} › ${check}: ${problemWords(answer.problem)}`, 'warn');
  else
    notify(
      `${host} › ${check} is ${answer.value.status.state}.`,
      answer.value.status.state === 'ok' ? 'ok' : 'warn',
    );
}

export function askCancel(run: Pick<RunItemAnswer, 'id' | 'host' | 'action' | 'status'>): void {
  openDialog(`Close ${run.action} on ${run.host}?`, () => (
    <Act
      reason="optional"
      confirm="Close the run"
      danger
      done={`Closed: ${run.action} on ${run.host}.`}
      run={({ reason }) => send('POST', apiPath`/api/v1/runs/${run.id}/cancel`, whyBody(reason))}
    >
      <p>
        {run.status === 'intended'
          ? 'It has not been sent, and will not be.'
          : 'What was sent cannot be taken back; only waiting for it ends, and its outcome counts as not known.'}
      </p>
    </Act>
  ));
}

const pauseSpans: readonly Choice[] = [...holdSpans, { value: '', label: 'Until resumed' }];

export function askPause(): void {
  openDialog('Pause all actions?', () => (
    <Act
      reason="needed"
      usualReason="paused from the page"
      spans={pauseSpans}
      confirm="Pause"
      done="Automation is paused."
      run={({ reason, span: length }) =>
        send('POST', '/api/v1/pause', length === '' ? { reason } : { reason, for: length })
      }
    >
      <p>
        Nothing is repaired by itself until then. Checks and messages go on; what was sent is not taken back.
      </p>
    </Act>
  ));
}

export function askResume(): void {
  openDialog('Go on with actions?', () => (
    <Act
      reason="optional"
      confirm="Resume"
      done="Automation goes on."
      run={({ reason }) => send('POST', '/api/v1/resume', whyBody(reason))}
    >
      <p>Whatever is still broken may be acted upon at its next result.</p>
    </Act>
  ));
}

export function askRelease(brake: BrakeAnswer): void {
  openDialog(`Release the brake of ${brake.scope}?`, () => (
    <Act
      reason="needed"
      confirm="Release"
      danger
      typeWord={brake.scope}
      done={`Released: the brake of ${brake.scope}.`}
      run={({ reason }) =>
        send('POST', apiPath`/api/v1/brakes/${brake.scope}/release`, { reason }, { ifMatch: brake.tag })
      }
    >
      <p>
        {brake.unhealthy} of {brake.hosts} hosts are unhealthy now, {brake.allowed} are allowed. Actions go on
        there in spite of it, until it was below once.
      </p>
    </Act>
  ));
}

export function askPromotion(cap: TrustCapAnswer): void {
  openDialog(`Trust ${cap.action} again?`, () => (
    <Act
      reason="needed"
      confirm="Trust it again"
      danger
      typeWord={cap.action}
      done={`Trusted again: ${cap.action}.`}
      run={({ reason }) =>
        send('POST', apiPath`/api/v1/trust/${cap.action}/promote`, { reason }, { ifMatch: cap.tag })
      }
    >
      <Facts
        rows={[
          ['May do at most', cap.mode],
          ['Since', `${clockTime(cap.since, serverNowMs.peek())} by ${cap.by}`],
          ['Because', cap.reason],
        ]}
      />
      <p>It goes as far again as its definition says.</p>
    </Act>
  ));
}

export function askRearm(text: string): void {
  openDialog('Trust the ledger again?', () => (
    <Act
      reason="needed"
      confirm="Re-arm"
      danger
      typeWord="rearm"
      done="The ledger is trusted again."
      run={({ reason }) => send('POST', '/api/v1/rearm', { reason })}
    >
      <Output block text={text} />
      <p>
        Make sure that nothing that was sent can still be running: what this ledger does not know may be done
        twice.
      </p>
    </Act>
  ));
}

export function askLetIn(revision: string, why: readonly string[]): void {
  openDialog('Let the newest definitions in?', () => (
    <Act
      reason="none"
      confirm="Let them in"
      danger
      typeWord={revision.slice(0, 8)}
      done="The newest definitions are in force."
      run={() => send('POST', '/api/v1/reload', { confirm: revision })}
    >
      <ul class="plain">
        {why.map((sentence) => (
          <li key={sentence}>
            <Output text={sentence} />
          </li>
        ))}
      </ul>
    </Act>
  ));
}

export function askFollow(): void {
  openDialog('Follow the branch again?', () => (
    <Act
      reason="needed"
      confirm="Follow it"
      danger
      typeWord="resume"
      done="Newer definitions are taken again."
      run={({ reason }) => send('POST', '/api/v1/rollback', { resume: true, reason })}
    >
      <p>The newest commit of the branch is taken if it is valid.</p>
    </Act>
  ));
}
