/** What happened while nobody looked: healed by a repair, come back by itself, and what comes and goes still. */
import { useMemo } from 'preact/hooks';
import type { NowAnswer, PageOf } from '../http/wire-types.ts';
import { serverNowMs } from '../live/now-store.ts';
import { useResource } from '../live/resource.ts';
import { changesRead, restOf } from './away-rest.ts';
import { fold } from './folded.ts';
import { type Line, line } from './now-list.tsx';
import { FlappingRow, HealedRow, PassedRow } from './now-rows.tsx';
import { type Change, type Passed, passedOf } from './passed.ts';

interface Dated {
  at: string;
  line: Line;
}

/** Looks back as far as what was healed. Milliseconds. */
const awayMs = 86_400_000;
const changeFields = 'at,host,check,from,to,type,afterAction';

/** What came back by itself, of the newest changes. */
function usePassed(): { passed: readonly Passed[]; hasMore: boolean } {
  const since = useMemo(() => new Date(serverNowMs.peek() - awayMs).toISOString(), []);
  const query = new URLSearchParams({ since, limit: String(changesRead), fields: changeFields });
  const { data } = useResource<PageOf<Change>>(
    `/api/v1/transitions?${query}`,
    ({ data: { to } }) => to === 'ok' || to === 'up',
  );
  return useMemo(() => {
    const fromAt = new Date(serverNowMs.peek() - awayMs).toISOString();
    const passed = passedOf(data.value?.items ?? []).filter(({ endedAt }) => endedAt >= fromAt);
    return { passed, hasMore: data.value?.next !== undefined };
  }, [data.value]);
}

/** Those of a check that comes and goes are told by its own line. */
function passedLines(passed: readonly Passed[], flapping: NowAnswer['flapping']): Dated[] {
  const told = new Set(flapping.map(({ host, check }) => `${host} ${check}`));
  return fold(passed.toReversed(), ({ host, check }) => `${host} ${check}`)
    .filter(({ item }) => !told.has(`${item.host} ${item.check}`))
    .map(({ item, times }) => {
      const key = `passed ${item.host} ${item.check}`;
      return { at: item.endedAt, line: line(key, <PassedRow key={key} passed={item} times={times} />) };
    });
}

/** Newest first; what comes and goes still is on top. `rest`: what more there is, in words. */
export function useAway(view: NowAnswer): { lines: Line[]; rest: string | undefined } {
  const { healed, flapping } = view;
  const { passed, hasMore } = usePassed();
  const folded = fold(healed.toReversed(), ({ host, check, action }) => `${host} ${check} ${action}`);
  const ended: Dated[] = [
    ...folded.map(({ item, times }) => ({
      at: item.endedAt ?? item.decidedAt,
      line: line(item.id, <HealedRow key={item.id} run={item} times={times} />),
    })),
    ...passedLines(passed, flapping),
  ];
  const lines = [
    ...flapping.map((each) =>
      line(
        `flapping ${each.host} ${each.check}`,
        <FlappingRow key={`${each.host} ${each.check}`} flapping={each} />,
      ),
    ),
    ...ended.toSorted((a, b) => (a.at < b.at ? 1 : -1)).map((each) => each.line),
  ];
  return { lines, rest: restOf(view, hasMore) };
}
