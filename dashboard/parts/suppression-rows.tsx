/** Silences, downtimes and acknowledgements as rows: whom they are for, who said so and why, when they end, and ending them. */
import { apiPath, send } from '../http/client.ts';
import type { PageOf, SuppressionAnswer } from '../http/wire-types.ts';
import { refresh as refreshNow } from '../live/now-store.ts';
import { useResource } from '../live/resource.ts';
import { link } from '../route.ts';
import { whyBody } from './acts.tsx';
import { Act, openDialog } from './dialog.tsx';
import { Output } from './output.tsx';
import { Rest } from './rest.tsx';
import { Row } from './row.tsx';
import { At, Until } from './time.tsx';
import { span } from './words.ts';

type Matching = Exclude<SuppressionAnswer, { kind: 'acknowledgement' }>;

/** `db-* · role=worker · disk.space` */
export function matchWords({ hosts, labels, checks }: Matching['match']): string {
  const parts = [
    hosts.join(' '),
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(' '),
    checks.join(' '),
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

function Target({ each }: { each: SuppressionAnswer }) {
  if (each.kind !== 'acknowledgement') return <Output text={matchWords(each.match)} />;
  return (
    <a href={link('incidents', each.host, each.check)}>
      {each.host} › {each.check}
    </a>
  );
}

/** Both ends of a window in words. */
function When({ each }: { each: SuppressionAnswer }) {
  if (each.kind === 'acknowledgement')
    return each.endsAt === undefined ? (
      <>until the problem ends{each.sticky ? ', whatever its state' : ' or its state changes'}</>
    ) : (
      <>
        ends <Until at={each.endsAt} />
      </>
    );
  const window = each.kind === 'silence' ? { ...each, kind: 'fixed' as const } : each.window;
  if (window.kind === 'recurring')
    return (
      <>
        whenever <code>{window.cron}</code> fires ({window.timezone}), for {span(window.lastsMs)}
      </>
    );
  return (
    <>
      {window.startsAt === null ? undefined : (
        <>
          from <At at={window.startsAt} />{' '}
        </>
      )}
      to <At at={window.endsAt} />
      {window.kind === 'flexible' ? `, ${span(window.lastsMs)} from the first problem` : undefined}
    </>
  );
}

interface RowsProps {
  items: readonly SuppressionAnswer[];
  refresh: () => void;
}

export function SuppressionRows({ items, refresh }: RowsProps) {
  return (
    <ul class="rows">
      {items.map((each) => (
        <Row
          key={each.id}
          id={each.id}
          tone="calm"
          sign={signs[each.kind]}
          slim
          commands={
            each.origin === 'person'
              ? [{ key: 'x', label: 'End…', scope: 'ack', run: () => askEnd(each, refresh) }]
              : []
          }
          aside={<When each={each} />}
        >
          <b>{each.kind}</b> <Target each={each} /> <span class="dim">by</span>{' '}
          <Output text={each.by} prose />
          <span class="dim">: </span>
          <Output text={each.reason} limit={500} prose />
          {each.origin === 'definitions' ? (
            <span class="dim">
              {' '}
              · written in <Output text={each.id} />
            </span>
          ) : undefined}
        </Row>
      ))}
    </ul>
  );
}

const signs = { silence: '∅', downtime: '◷', acknowledgement: '☑' } as const;

function askEnd(each: SuppressionAnswer, refresh: () => void): void {
  openDialog(`End this ${each.kind}`, () => (
    <Act<SuppressionAnswer>
      reason="optional"
      confirm={`End the ${each.kind}`}
      run={async ({ reason }) => {
        const path = apiPath`/api/v1/suppressions/${each.id}`;
        const answer = await send<SuppressionAnswer>('DELETE', path, whyBody(reason));
        refresh();
        refreshNow();
        return answer;
      }}
      done={`The ${each.kind} is over.`}
    >
      <p>
        <Target each={each} />: from then on actions may run there again.
      </p>
    </Act>
  ));
}

/** Those that are for a host or a check of it; nothing when there are none. */
export function Covering({ host, check }: { host: string; check?: string }) {
  const query = new URLSearchParams({ host, ...(check === undefined ? {} : { check }) });
  const found = useResource<PageOf<SuppressionAnswer>>(
    `/api/v1/suppressions?${query}`,
    (event) => event.type.startsWith('suppression.') || event.type === 'definitions.reloaded',
  );
  const page = found.data.value;
  if (page === undefined || page.items.length === 0) return null;
  return (
    <section aria-labelledby="covering-title">
      <h2 id="covering-title">Left alone</h2>
      <SuppressionRows items={page.items} refresh={found.refresh} />
      <Rest of={page} command={`mendd silence list --host ${host}`} />
    </section>
  );
}
