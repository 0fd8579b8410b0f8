/** The rows of what restrains mendd as a whole and waits for a person: brakes, doubt, a ledger or an action not trusted, messages. */
import type {
  BrakeAnswer,
  DoubtAnswer,
  NowAnswer,
  QuarantineAnswer,
  TrustCapAnswer,
} from '../http/wire-types.ts';
import { serverNowMs } from '../live/now-store.ts';
import { askPromotion, askRearm, askRelease } from './acts.tsx';
import { openUndelivered } from './dead-letters.tsx';
import { Output } from './output.tsx';
import { Row } from './row.tsx';
import { Since, Until } from './time.tsx';
import { clockTime, count, figures, plain, span } from './words.ts';

export function BrakeRow({ brake }: { brake: BrakeAnswer }) {
  const { scope, unhealthy, hosts, allowed, state } = brake;
  return (
    <Row
      id={`brake ${scope}`}
      tone="bad"
      sign="◼"
      commands={[
        { key: 'a', label: 'Release…', look: 'primary', scope: 'act', run: () => askRelease(brake) },
      ]}
      aside={
        state === undefined ? undefined : (
          <>
            for <Since at={state.since} />
          </>
        )
      }
    >
      <h3>
        <span class="state bad">BRAKE ON</span> {scope === 'fleet' ? 'the fleet' : scope}
      </h3>
      <p>
        {state?.cause === 'budget_spent' ? 'A budget is spent' : 'Too many hosts failed at once'}
        {state === undefined ? '' : ` (${state.unhealthy} of ${state.hosts})`}: no action runs there. Now{' '}
        {unhealthy} of {hosts} are unhealthy, at most {allowed} allowed.
      </p>
      <p class="dim">
        <Release {...brake} />
      </p>
    </Row>
  );
}

function Release({ releasesAt, releasesAfterMs }: BrakeAnswer) {
  if (releasesAt !== undefined) {
    return (
      <>
        Releases itself <Until at={releasesAt} /> if it stays below.
      </>
    );
  }
  if (releasesAfterMs === undefined) return 'It stays on until a person releases it.';
  return `Releases itself once it was below for ${span(releasesAfterMs)}, or by a person.`;
}

export function DoubtRow({ doubt }: { doubt: DoubtAnswer }) {
  return (
    <Row
      id="doubt"
      tone="warn"
      sign="⊘"
      aside={
        <>
          for <Since at={doubt.since} />
        </>
      }
    >
      <h3>
        <span class="state warn">MENDD DOUBTS ITSELF</span> {plain(doubt.cause)}
      </h3>
      <p>
        What looks like trouble there may be trouble here; no action runs. Ends with:{' '}
        <Output prose text={doubt.opens} />.
      </p>
      <p class="dim">
        <Output prose text={figures(doubt.values)} />
      </p>
    </Row>
  );
}

export function QuarantineRow({ quarantine }: { quarantine: QuarantineAnswer }) {
  return (
    <Row
      id="quarantine"
      tone="bad"
      sign="✖"
      commands={[
        { key: 'a', label: 'Re-arm…', look: 'primary', scope: 'admin', run: () => askRearm(quarantine.text) },
      ]}
      aside={
        <>
          for <Since at={quarantine.since} />
        </>
      }
    >
      <h3>
        <span class="state bad">LEDGER NOT TRUSTED</span> {quarantine.cause}
      </h3>
      <p>
        <Output prose text={quarantine.text} />
      </p>
      <p class="dim">Checks go on; no action runs until a person re-arms.</p>
    </Row>
  );
}

export function DemotedRow({ cap }: { cap: TrustCapAnswer }) {
  return (
    <Row
      id={`demoted ${cap.action}`}
      tone="warn"
      sign="▼"
      commands={[{ key: 'a', label: 'Trust it again…', scope: 'admin', run: () => askPromotion(cap) }]}
      aside={`since ${clockTime(cap.since, serverNowMs.value)}`}
    >
      <h3>
        <span class="state warn">TRUST LOST</span> {cap.action}: at most {cap.mode}
      </h3>
      <p>
        <Output prose text={cap.reason} /> <span class="dim">({cap.by})</span>
      </p>
    </Row>
  );
}

export function HeldInventoryRow({ held }: { held: NowAnswer['heldInventories'][number] }) {
  const { name, vanished, of, since } = held;
  return (
    <Row
      id={`held ${name}`}
      tone="warn"
      sign="▤"
      aside={
        <>
          for <Since at={since} />
        </>
      }
    >
      <h3>
        <span class="state warn">INVENTORY HELD</span> <Output prose text={name} />
      </h3>
      <p>
        {vanished} of {count(of, 'host')} vanished at once. They are kept until a person lets them go or they
        are told again: <code>mendd inventory list</code>
      </p>
    </Row>
  );
}

export function RegistrationsRow({ waiting, names }: NowAnswer['registrations']) {
  const rest = waiting > names.length ? `, and ${waiting - names.length} more` : '';
  return (
    <Row id="registrations" tone="warn" sign="⊕">
      <h3>
        <span class="state warn">LET THEM IN?</span> {count(waiting, 'host')} registered
      </h3>
      <p>
        <Output prose text={names.join(', ')} />
        {rest}. What they say of themselves counts for nothing until a person answers:{' '}
        <code>mendd registrations list</code>
      </p>
    </Row>
  );
}

type Messages = NowAnswer['messages'];

/** As the daemon counts it among what needs a person. Milliseconds. */
const undeliveredAfterMs = 900_000;

/** Given up, or late. */
export function isUndelivered({ dead, oldestWaitingMs = 0 }: Messages): boolean {
  return dead > 0 || oldestWaitingMs > undeliveredAfterMs;
}

/** Whoever was to be paged was not: that must be seen where everybody looks. */
export function MessagesRow({ messages }: { messages: Messages }) {
  const { waiting, dead, oldestWaitingMs } = messages;
  const status = dead > 0 ? 'dead' : 'waiting';
  const oldest = oldestWaitingMs === undefined ? '' : `, the oldest for ${span(oldestWaitingMs)}`;
  return (
    <Row
      id="messages"
      tone="bad"
      sign="✉"
      commands={[{ key: 'a', label: 'Look at them…', scope: 'read', run: () => openUndelivered(status) }]}
    >
      <h3>
        <span class="state bad">NOT DELIVERED</span> {count(messages[status], 'message')} to people
      </h3>
      <p>
        {dead > 0 ? `${dead === 1 ? 'It was' : 'They were'} given up in the last seven days. ` : undefined}
        {waiting === 0
          ? undefined
          : `${waiting}${dead > 0 ? ' more' : ''} wait${waiting === 1 ? 's' : ''} for another attempt${oldest}.`}
      </p>
    </Row>
  );
}
