/** All that is known of one run: who decided it, what was sent, what came back, and how it was judged. */
import type { RunAnswer } from '../http/wire-types.ts';
import { Fact } from './fact.tsx';
import { Gates } from './gate-table.tsx';
import { runMark } from './marks.ts';
import { Output } from './output.tsx';
import { At, Until } from './time.tsx';
import { plain, span } from './words.ts';

/** Characters of an output that are shown; the daemon keeps more. */
const outputLimit = 20_000;

export function RunStatus({ status }: { status: RunAnswer['status'] }) {
  const { sign, word, tone } = runMark(status);
  return (
    <span class={`state ${tone}`}>
      <span aria-hidden="true">{sign}</span> {word}
    </span>
  );
}

/** How long it took, or takes. */
export function took(run: {
  dispatchedAt?: string | undefined;
  endedAt?: string | undefined;
}): string | undefined {
  if (run.dispatchedAt === undefined || run.endedAt === undefined) return undefined;
  return span(Date.parse(run.endedAt) - Date.parse(run.dispatchedAt));
}

/** One level below what it stands under. */
type Level = 'h2' | 'h3';

interface TextProps {
  title: string;
  text: string | undefined;
  as: Level;
}

function Text({ title, text, as: Heading }: TextProps) {
  if (text === undefined || text === '') return null;
  return (
    <section>
      <Heading>{title}</Heading>
      <Output text={text} block limit={outputLimit} />
    </section>
  );
}

export function RunDetails({ run, as: Heading }: { run: RunAnswer; as: Level }) {
  return (
    <div class="run">
      <Heading>Exact command</Heading>
      <Output text={run.command} block limit={outputLimit} class="command" />
      <dl class="facts">
        <Fact name="Decided">
          <At at={run.decidedAt} /> by <Output text={run.decidedBy} prose />:{' '}
          <Output text={run.reason} prose />
        </Fact>
        {run.approvedBy === undefined ? undefined : (
          <Fact name="Approved by">
            <Output text={run.approvedBy} prose />
          </Fact>
        )}
        <Fact name="Sent">{run.dispatchedAt === undefined ? 'not sent' : <At at={run.dispatchedAt} />}</Fact>
        <Fact name="Ended">
          {run.endedAt === undefined ? 'still open' : <At at={run.endedAt} />}
          {took(run) === undefined ? '' : `, after ${took(run)}`}
        </Fact>
        {run.outcome === undefined ? undefined : (
          <Fact name="Outcome">
            <Output text={run.outcome} prose />
          </Fact>
        )}
        {run.exitCode === undefined ? undefined : <Fact name="Exit code">{run.exitCode}</Fact>}
        <Fact name="Verification">
          <Verification run={run} />
        </Fact>
        <Fact name="Had to hold">
          <Preconditions run={run} />
        </Fact>
        <Fact name="Try">
          {run.attempt} of this problem · definitions <Output text={run.revision} />
        </Fact>
      </dl>
      <Text title="Output" text={run.stdout} as={Heading} />
      <Text title="Error output" text={run.stderr} as={Heading} />
      <Text title="Evidence from before it" text={run.evidence} as={Heading} />
      <Heading>What happened</Heading>
      <ol class="events">
        {run.events.map((event, index) => (
          <li key={index}>
            <At at={event.at} /> <b>{plain(event.status)}</b> <Output text={event.text} prose />
          </li>
        ))}
      </ol>
      <Gates gates={run.gates} />
    </div>
  );
}

function Verification({ run }: { run: RunAnswer }) {
  if (run.verifyBy === undefined) return <>none asked for</>;
  const okSince = run.verifyOkSince;
  return (
    <>
      {run.endedAt === undefined ? (
        <>
          must hold <Until at={run.verifyBy} />
        </>
      ) : (
        plain(run.status)
      )}
      {okSince === undefined ? (
        ''
      ) : (
        <>
          ; OK since <At at={okSince} />
        </>
      )}
    </>
  );
}

function Preconditions({ run }: { run: RunAnswer }) {
  const { bootId, unit, invocationId, notAfterUptimeSec } = run.preconditions;
  const held = [
    bootId === undefined ? undefined : `boot ${bootId.slice(0, 8)}`,
    unit === undefined ? undefined : `unit ${unit}`,
    invocationId === undefined ? undefined : `its invocation ${invocationId.slice(0, 8)}`,
    notAfterUptimeSec === undefined ? undefined : `before ${Math.round(notAfterUptimeSec)} s of uptime`,
  ].filter((each) => each !== undefined);
  return (
    <>
      sent before <At at={run.notAfter} />
      {held.length === 0 ? '' : '; on the host '}
      <Output text={held.join(', ')} prose />
    </>
  );
}
