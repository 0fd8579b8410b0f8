/** Runs of actions, newest first, and if wanted what was not done and why; with an id behind it the one run. */
import type { DecisionAnswer, PageOf, RunItemAnswer } from '../http/wire-types.ts';
import { type Resource, useResource } from '../live/resource.ts';
import { Filters, queryOf } from '../parts/filters.tsx';
import { runStatuses } from '../parts/marks.ts';
import { Pager } from '../parts/pager.tsx';
import { Reading } from '../parts/reading.tsx';
import { Row } from '../parts/row.tsx';
import { type Entry, merged } from '../parts/run-pages.ts';
import { RunRow } from '../parts/run-row.tsx';
import { useSteady } from '../parts/steady.tsx';
import { At } from '../parts/time.tsx';
import { plain, shortName } from '../parts/words.ts';
import { filters, link } from '../route.ts';
import type { ScreenProps } from '../screens.ts';
import { Run } from './run.tsx';

const pageSize = 50;

export function Screen({ names: [id] }: ScreenProps) {
  return id === undefined ? <Runs /> : <Run key={id} id={id} />;
}

function Runs() {
  const isHeldWanted = filters.value.get('held') === '1';
  const common = { limit: String(pageSize) };
  const runs = useResource<PageOf<RunItemAnswer>>(
    `/api/v1/runs?${queryOf(['host', 'action', 'status', 'until'], common)}`,
  );
  const decisions = useResource<PageOf<DecisionAnswer>>(
    isHeldWanted ? `/api/v1/decisions?${queryOf(['host', 'action', 'until'], common)}` : undefined,
  );
  return (
    <section>
      <h1>Runs</h1>
      <Filters
        of={[
          { kind: 'text', name: 'host', label: 'Host' },
          { kind: 'text', name: 'action', label: 'Action', hint: 'runbook.action' },
          {
            kind: 'choice',
            name: 'status',
            label: 'Status',
            choices: [
              { value: '', label: 'all' },
              ...runStatuses.map((value) => ({ value, label: plain(value) })),
            ],
          },
          { kind: 'flag', name: 'held', label: 'Also what was held back' },
        ]}
      />
      <Reading of={runs}>
        {(page) => <List page={page} held={isHeldWanted ? decisions : undefined} />}
      </Reading>
    </section>
  );
}

function List({
  page,
  held,
}: {
  page: PageOf<RunItemAnswer>;
  held: Resource<PageOf<DecisionAnswer>> | undefined;
}) {
  const { rows, older } = merged(page, held?.data.value);
  const steady = useSteady(rows, keyOf);
  return (
    <>
      {rows.length === 0 ? (
        <p class="dim">Nothing was done{held === undefined ? '' : ' or held back'}.</p>
      ) : undefined}
      {steady.notice}
      <ol class="rows" {...steady.hold}>
        {steady.items.map((row) =>
          row.kind === 'run' ? (
            <RunRow key={keyOf(row)} run={row.run} />
          ) : (
            <HeldRow key={keyOf(row)} decision={row.decision} />
          ),
        )}
      </ol>
      <Pager older={older} />
    </>
  );
}

function keyOf(row: Entry): string {
  return row.kind === 'run' ? row.run.id : `held ${row.decision.id}`;
}

function HeldRow({ decision }: { decision: DecisionAnswer }) {
  const { host, check, action, verdict, reason, count, at, lastAt } = decision;
  const why = `${link('incidents', host, check)}?at=${encodeURIComponent(lastAt)}`;
  return (
    <Row id={`held ${decision.id}`} tone="calm" sign="·" href={why} slim aside={<At at={at} />}>
      <a href={why}>{shortName(action)}</a> on <a href={link('hosts', host)}>{host}</a>{' '}
      <b>{plain(verdict)}</b>{' '}
      <span class="dim">
        {plain(reason)}
        {count === 1 ? '' : ` · ${count} times`}
      </span>
    </Row>
  );
}
