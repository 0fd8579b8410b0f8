/** Questions to a person: those that wait, with the exact command and how far it reaches, and those that are settled. */
import type { ApprovalAnswer, PageOf } from '../http/wire-types.ts';
import { useResource } from '../live/resource.ts';
import { askApproval, askRejection } from '../parts/acts.tsx';
import { Gates } from '../parts/gate-table.tsx';
import { Output } from '../parts/output.tsx';
import { reachOf } from '../parts/reach.ts';
import { Reading } from '../parts/reading.tsx';
import { Rest } from '../parts/rest.tsx';
import { Row } from '../parts/row.tsx';
import { useSteady } from '../parts/steady.tsx';
import { At, Until } from '../parts/time.tsx';
import { plain, shortName } from '../parts/words.ts';
import { link } from '../route.ts';

export function Screen() {
  // What is asked depends on the state of the check as well.
  const found = useResource<PageOf<ApprovalAnswer>>(
    '/api/v1/approvals?limit=500',
    ({ type }) => type.startsWith('approval.') || type === 'state.changed',
  );
  return (
    <section>
      <h1>Approvals</h1>
      <Reading of={found}>
        {(page) => (
          <>
            <Rest of={page} command="mendd approvals" />
            <Lists asked={page.items} />
          </>
        )}
      </Reading>
    </section>
  );
}

function Lists({ asked }: { asked: readonly ApprovalAnswer[] }) {
  const waiting = asked.filter(({ status }) => status === 'waiting');
  const settled = asked.filter(({ status }) => status !== 'waiting');
  const steady = useSteady(waiting, ({ id }) => id);
  const past = useSteady(settled, ({ id }) => id);
  return (
    <>
      <h2>Waiting for an answer ({waiting.length})</h2>
      {waiting.length === 0 ? <p class="dim">Nothing waits.</p> : undefined}
      {steady.notice}
      <ul class="rows" {...steady.hold}>
        {steady.items.map((each) => (
          <Waiting key={each.id} asked={each} />
        ))}
      </ul>
      <h2>Settled in the last seven days ({settled.length})</h2>
      {settled.length === 0 ? <p class="dim">None.</p> : undefined}
      {past.notice}
      <ul class="rows" {...past.hold}>
        {past.items.map((each) => (
          <Settled key={each.id} asked={each} />
        ))}
      </ul>
    </>
  );
}

function Place({ asked: { host, check } }: { asked: ApprovalAnswer }) {
  return (
    <a href={link('incidents', host, check)}>
      {host} › {check}
    </a>
  );
}

function Waiting({ asked }: { asked: ApprovalAnswer }) {
  return (
    <Row
      id={asked.id}
      tone="warn"
      sign="?"
      href={link('incidents', asked.host, asked.check)}
      commands={[
        { key: 'a', label: 'Approve…', look: 'primary', scope: 'act', run: () => askApproval(asked) },
        { key: 'x', label: 'Reject…', scope: 'act', run: () => askRejection(asked) },
      ]}
      aside={
        <>
          asked <At at={asked.createdAt} />, ends <Until at={asked.expiresAt} />
        </>
      }
    >
      <b>{shortName(asked.action)}</b> for <Place asked={asked} />{' '}
      <span class="dim">
        <Output text={asked.reason} limit={300} prose />
      </span>
      <Output text={asked.command} block class="command" />
      <ul class="plain">
        {reachOf(asked.gates).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      <Gates gates={asked.gates} />
    </Row>
  );
}

const signs: Readonly<Record<string, string>> = { approved: '✓', rejected: '✗', expired: '◌', lapsed: '◌' };

function Settled({ asked }: { asked: ApprovalAnswer }) {
  return (
    <Row
      id={asked.id}
      tone="calm"
      sign={signs[asked.status] ?? '·'}
      href={link('incidents', asked.host, asked.check)}
      slim
      aside={asked.decidedAt === undefined ? undefined : <At at={asked.decidedAt} />}
    >
      <b>{plain(asked.status)}</b>{' '}
      {asked.status === 'approved' ? (
        <a href={link('runs', asked.id)}>{shortName(asked.action)}</a>
      ) : (
        shortName(asked.action)
      )}{' '}
      for <Place asked={asked} />
      {asked.decidedBy === undefined ? undefined : (
        <span class="dim">
          {' '}
          by <Output text={asked.decidedBy} limit={80} prose />
        </span>
      )}
      {asked.answer === undefined || asked.answer === '' ? undefined : (
        <span class="dim">
          : <Output text={asked.answer} limit={300} prose />
        </span>
      )}
    </Row>
  );
}
