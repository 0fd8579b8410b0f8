/** All hosts at a glance, worst first: what is not OK stands out by shape and word, the rest is counted. */
import type { NowAnswer } from '../http/wire-types.ts';
import { isStale } from '../live/now-store.ts';
import { link } from '../route.ts';
import { markOf } from './marks.ts';
import { useSteady } from './steady.tsx';
import { count } from './words.ts';

type Fleet = NowAnswer['fleet'];
type FleetHost = Fleet['hosts'][number];

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
  const { items, hold, notice } = useSteady(fleet.hosts, ({ name }) => name);
  const left = total - fleet.hosts.length;
  if (total === 0) return null;
  return (
    <section aria-labelledby="fleet-title">
      <h2 id="fleet-title">
        Fleet, worst first <span class="count">({total})</span>
      </h2>
      <p class="tally dim">
        {Object.entries(fleet.counts)
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
