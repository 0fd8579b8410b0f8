/** The figures of a check over time: which one, how far back, the graph with a legend, and the same as a table. */
import { computed } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { apiPath } from '../http/client.ts';
import type { PageOf, ResultAnswer, RollupAnswer } from '../http/wire-types.ts';
import { serverNowMs } from '../live/now-store.ts';
import { useResource } from '../live/resource.ts';
import { filters, setFilters } from '../route.ts';
import {
  askedFromMs,
  type Figure,
  figuresOfResults,
  figuresOfRollups,
  figuresSince,
  type Limits,
  limitsOf,
} from './figures.ts';
import type { Graph as GraphType } from './graph.tsx';
import { inert } from './inert.ts';
import { Output } from './output.tsx';
import { Since } from './time.tsx';
import { exactTime, span } from './words.ts';

interface Range {
  name: string;
  label: string;
  lengthMs: number;
  /** Without one, single results are shown. */
  step?: string;
}

const hourMs = 3_600_000;
const newestRange: Range = { name: '1h', label: '1 h', lengthMs: hourMs };
const ranges: readonly Range[] = [
  newestRange,
  { name: '1d', label: '1 day', lengthMs: 24 * hourMs, step: '5m' },
  { name: '7d', label: '1 week', lengthMs: 7 * 24 * hourMs, step: '30m' },
  { name: '30d', label: '30 days', lengthMs: 30 * 24 * hourMs, step: '2h' },
];

/** Rows of the table. */
const tableLimit = 100;
/** Moves once a minute. Milliseconds since the epoch. */
const minuteNowMs = computed(() => Math.floor(serverNowMs.value / 60_000) * 60_000);

export function GraphPanel({ host, check }: { host: string; check: string }) {
  const range = ranges.find(({ name }) => name === filters.value.get('range')) ?? newestRange;
  const nowMs = minuteNowMs.value;
  const beginMs = askedFromMs(nowMs, range.lengthMs);
  const isOurs = (event: { host?: string; check?: string; type: string }): boolean =>
    event.type === 'state.changed' && event.host === host && event.check === check;
  const results = useResource<PageOf<ResultAnswer>>(
    apiPath`/api/v1/checks/${host}/${check}/history` +
      `?${new URLSearchParams(
        range.step === undefined ? { since: new Date(beginMs).toISOString(), limit: '500' } : { limit: '1' },
      )}`,
    isOurs,
  );
  const rollups = useResource<{ items: RollupAnswer[] }>(
    range.step === undefined
      ? undefined
      : apiPath`/api/v1/checks/${host}/${check}/rollups` +
          `?${new URLSearchParams({ since: new Date(beginMs).toISOString(), step: range.step })}`,
    isOurs,
  );
  const items = results.data.value?.items;
  const sums = rollups.data.value?.items;
  const figures = useMemo(
    () =>
      figuresSince(
        nowMs - range.lengthMs,
        range.step === undefined ? figuresOfResults(items ?? []) : figuresOfRollups(sums ?? []),
      ),
    [items, sums, range, nowMs],
  );
  const figure = figures.find(({ label }) => label === filters.value.get('figure')) ?? figures[0];
  if (items !== undefined && items.every(({ perfdata }) => perfdata.length === 0) && figure === undefined)
    return null;
  return (
    <section aria-labelledby="graph-title">
      <header class="title part">
        <h2 id="graph-title">Figures</h2>
        <Choice
          name="figure"
          label="Figure"
          chosen={figure?.label}
          choices={figures.map(({ label }) => ({ name: label, label: inert(label) }))}
        />
        <Choice name="range" label="How far back" chosen={range.name} choices={ranges} />
      </header>
      {figure === undefined ? (
        <p class="dim">Nothing was measured in this time.</p>
      ) : (
        <Shown figure={figure} newest={items?.[0]} hasSteps={range.step !== undefined} />
      )}
    </section>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  chosen: string | undefined;
  choices: readonly { name: string; label: string }[];
}

function Choice({ name, label, chosen, choices }: ChoiceProps) {
  return (
    <select
      aria-label={label}
      value={chosen ?? ''}
      onChange={({ currentTarget }) => setFilters({ [name]: currentTarget.value })}
    >
      {choices.map((each) => (
        <option key={each.name} value={each.name}>
          {each.label}
        </option>
      ))}
    </select>
  );
}

function Shown({
  figure,
  newest,
  hasSteps,
}: {
  figure: Figure;
  newest: ResultAnswer | undefined;
  hasSteps: boolean;
}) {
  const limits = useMemo(() => limitsOf(newest, figure.label), [newest, figure.label]);
  const [Graph, setGraph] = useState<{ of: ComponentType<Parameters<typeof GraphType>[0]> } | undefined>();
  useEffect(() => {
    void import('./graph.tsx').then((found) => setGraph({ of: found.Graph }));
  }, []);
  const nowMs = serverNowMs.peek();
  return (
    <figure class="figure">
      {Graph === undefined ? (
        <p class="dim">Loading…</p>
      ) : (
        <Graph.of figure={figure} limits={limits} nowMs={nowMs} />
      )}
      <figcaption>
        <Legend figure={figure} limits={limits} hasSteps={hasSteps} />
      </figcaption>
      <Table figure={figure} nowMs={nowMs} hasSteps={hasSteps} />
    </figure>
  );
}

function Legend({ figure, limits, hasSteps }: { figure: Figure; limits: Limits; hasSteps: boolean }) {
  const last = figure.points.findLast(({ value }) => value !== null);
  return (
    <ul class="legend">
      <li>
        <span aria-hidden="true">━</span> <Output text={figure.label} />
        {last === undefined ? undefined : (
          <>
            {' '}
            <b>
              <Output text={`${rounded(last.value)}${figure.uom}`} />
            </b>{' '}
            <Since at={new Date(last.atSec * 1000).toISOString()} /> ago
          </>
        )}
        {hasSteps ? ', the mean of each step; the band is from least to most' : undefined}
      </li>
      {limits.warn.map((value) => (
        <li key={`w${value}`} class="warn">
          <span aria-hidden="true">╍</span> warning at {value}
        </li>
      ))}
      {limits.crit.map((value) => (
        <li key={`c${value}`} class="bad">
          <span aria-hidden="true">┅</span> critical at {value}
        </li>
      ))}
    </ul>
  );
}

function rounded(value: number | null): string {
  return value === null ? 'unknown' : String(Number(value.toPrecision(6)));
}

function Table({ figure, nowMs, hasSteps }: { figure: Figure; nowMs: number; hasSteps: boolean }) {
  const rows = figure.points.slice(-tableLimit).toReversed();
  const [first, last] = [figure.points[0], figure.points.at(-1)];
  const covers = first === undefined || last === undefined ? 0 : (last.atSec - first.atSec) * 1000;
  return (
    <details class="more">
      <summary>
        As a table: the newest {rows.length} of {figure.points.length} values over {span(covers)}
      </summary>
      <div class="scroll" role="region" aria-label="Values" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">{hasSteps ? 'Mean' : 'Value'}</th>
              {hasSteps ? <th scope="col">Least</th> : undefined}
              {hasSteps ? <th scope="col">Most</th> : undefined}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ atSec, value, min, max }) => (
              <tr key={atSec}>
                <th scope="row">{exactTime(atSec * 1000, nowMs)}</th>
                <td>{rounded(value)}</td>
                {hasSteps ? <td>{rounded(min)}</td> : undefined}
                {hasSteps ? <td>{rounded(max)}</td> : undefined}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
