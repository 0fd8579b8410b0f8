/** All hosts at a glance, worst first: what is not OK stands out by shape and word, the rest is counted. */
import type { HostAnswer, NowAnswer, PageOf } from '../http/wire-types.ts';
import { isStale } from '../live/now-store.ts';
import { useResource } from '../live/resource.ts';
import { link } from '../route.ts';
import { isChecked } from './host-state.ts';
import { markOf } from './marks.ts';
import { useSteady } from './steady.tsx';
import { count } from './words.ts';

type Fleet = NowAnswer['fleet'];
type FleetHost = Omit<Fleet['hosts'][number], 'state'> & { state: string };

/** Hosts that no check is for: nothing is awaited of them. Asked only while a host is pending. */
function useUnchecked({ counts }: Fleet): ReadonlySet<string> {
  const isWanted = (counts.pending ?? 0) > 0;
  const { data } = useResource<PageOf<Pick<HostAnswer, 'name' | 'checks'>>>(
    isWanted ? '/api/v1/hosts?state=pending&limit=500&fields=name,checks' : undefined,
    ({ type }) => type === 'definitions.reloaded',
  );
  return new Set(data.value?.items.filter((host) => !isChecked(host)).map(({ name }) => name));
}

function HostChip({ host }: { host: FleetHost }) {
  const mark = host.healing === true ? markOf('healing') : markOf(host.state);
  const [tone, sign] = isStale.value ? ['calm', '◌'] : [mark.tone, mark.sign];
  const more = host.problems === undefined ? '' : `, ${count(host.problems, 'problem')}`;
  return (
    <li>
      <a
        href={link('hosts', host.name)}
        class={`host edge-${tone}`}
        title={`${host.name}: ${mark.word}${more}`}
      >
        <span class={tone} aria-hidden="true">
          {sign}
        </span>{' '}
        {host.name}
        <span class="unseen">
          {' '}
          {isStale.value ? 'was ' : ''}
          {mark.word}
          {more}
        </span>
      </a>
    </li>
  );
}

export function FleetGrid({ fleet }: { fleet: Fleet }) {
  const total = Object.values(fleet.counts).reduce((sum, each) => sum + each, 0);
  const unchecked = useUnchecked(fleet);
  const isUnchecked = ({ name, state }: FleetHost): boolean => state === 'pending' && unchecked.has(name);
  const hosts = [
    ...fleet.hosts.filter((host) => !isUnchecked(host)),
    ...fleet.hosts.filter(isUnchecked).map((host) => ({ ...host, state: 'unchecked' })),
  ];
  const { items, hold, notice } = useSteady<FleetHost>(hosts, ({ name }) => name);
  const counts = {
    ...fleet.counts,
    pending: (fleet.counts.pending ?? 0) - unchecked.size,
    unchecked: unchecked.size,
  };
  const left = total - fleet.hosts.length;
  if (total === 0) return null;
  return (
    <section aria-labelledby="fleet-title">
      <h2 id="fleet-title">
        Fleet, worst first <span class="count">({total})</span>
      </h2>
      <p class="tally dim">
        {Object.entries(counts)
          .filter(([, amount]) => amount > 0)
          .map(([state, amount]) => `${markOf(state).sign} ${amount} ${markOf(state).word}`)
          .join('   ')}
      </p>
      {notice}
      <ul class="fleet" {...hold}>
        {items.map((host) => (
          <HostChip key={host.name} host={host} />
        ))}
      </ul>
      {left > 0 ? (
        <p>
          <a href="/hosts">and {left} more hosts</a>
        </p>
      ) : undefined}
    </section>
  );
}
