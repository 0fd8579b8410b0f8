/** All hosts by name, with filters that stand in the URL; with a name behind it the one host. */
import type { HostAnswer, PageOf } from '../http/wire-types.ts';
import { useResource } from '../live/resource.ts';
import { StateBadge } from '../parts/badge.tsx';
import { Filters, queryOf } from '../parts/filters.tsx';
import { checkStates, hostState } from '../parts/host-state.ts';
import { Labels } from '../parts/labels.tsx';
import { markOf, runMark } from '../parts/marks.ts';
import { Reading } from '../parts/reading.tsx';
import { Row } from '../parts/row.tsx';
import { useSteady } from '../parts/steady.tsx';
import { shortName } from '../parts/words.ts';
import { filters, link } from '../route.ts';
import type { ScreenProps } from '../screens.ts';
import { Host } from './host.tsx';

export function Screen({ names: [name] }: ScreenProps) {
  return name === undefined ? <Hosts /> : <Host key={name} name={name} />;
}

function Hosts() {
  const hosts = useResource<PageOf<HostAnswer>>(
    `/api/v1/hosts?${queryOf(['host', 'state', 'label', 'cursor'], { limit: '200' })}`,
    (event) => event.host !== undefined || event.type === 'definitions.reloaded',
  );
  return (
    <section>
      <h1>Hosts</h1>
      <Filters
        of={[
          { kind: 'text', name: 'host', label: 'Name', hint: 'web-*' },
          { kind: 'text', name: 'label', label: 'Label', hint: 'role=web' },
          {
            kind: 'choice',
            name: 'state',
            label: 'State',
            choices: ['', 'up', 'unreachable', 'pending'].map((value) => ({
              value,
              label: value === '' ? 'all' : value,
            })),
          },
        ]}
      />
      <Reading of={hosts}>{(page) => <List page={page} />}</Reading>
    </section>
  );
}

function List({ page }: { page: PageOf<HostAnswer> }) {
  const steady = useSteady(page.items, ({ name }) => name);
  const next = new URLSearchParams(filters.value);
  if (page.next !== undefined) next.set('cursor', page.next);
  const first = new URLSearchParams(filters.value);
  first.delete('cursor');
  return (
    <>
      {page.items.length === 0 ? <p class="dim">No host fits.</p> : undefined}
      {steady.notice}
      <ul class="rows" {...steady.hold}>
        {steady.items.map((host) => (
          <HostRow key={host.name} host={host} />
        ))}
      </ul>
      <nav class="pager" aria-label="Pages">
        {filters.value.get('cursor') === null ? undefined : <a href={`/hosts?${first}`}>First</a>}
        {page.next === undefined ? undefined : <a href={`/hosts?${next}`}>More</a>}
      </nav>
    </>
  );
}

function HostRow({ host }: { host: HostAnswer }) {
  const { name, run } = host;
  const { sign, word, tone } = markOf(hostState(host));
  return (
    <Row
      id={name}
      tone={tone}
      sign={sign}
      href={link('hosts', name)}
      slim
      aside={<CheckCounts counts={host.checks} />}
    >
      <a href={link('hosts', name)}>{name}</a> <b class={tone}>{word}</b>{' '}
      <span class="dim">{host.address}</span> <Labels labels={host.labels} />
      {run === undefined ? undefined : (
        <a class="busy" href={link('runs', run.id)}>
          {' '}
          ↻ {shortName(run.action)} {runMark(run.status).word}
        </a>
      )}
    </Row>
  );
}

/** Those that there are. */
export function CheckCounts({ counts }: { counts: HostAnswer['checks'] }) {
  return (
    <span class="counts">
      {checkStates.map((state) =>
        counts[state] === 0 ? undefined : (
          <span key={state} class="count">
            {counts[state]} <StateBadge state={state} />
          </span>
        ),
      )}
    </span>
  );
}
