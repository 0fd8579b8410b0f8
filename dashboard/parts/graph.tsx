/** Draws one figure over time with its limits. In a chunk of its own, as it brings uPlot; it reads nothing. */
import { useEffect, useRef, useState } from 'preact/hooks';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { theme } from '../theme.ts';
import type { Figure, Limits } from './figures.ts';
import { clockTime, exactTime } from './words.ts';

const heightPx = 220;

interface GraphProps {
  figure: Figure;
  limits: Limits;
  nowMs: number;
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

interface Line {
  label: string;
  values: (number | null)[];
  series: UPlot.Series;
}

/** The figure, the band it moved in, and a dashed line for each limit: form first, colour second. */
function linesOf({ figure, limits }: GraphProps): Line[] {
  const flat = (value: number): number[] => figure.points.map(() => value);
  const [text, warn, bad] = [colour('--fg'), colour('--warn'), colour('--bad')];
  const limit =
    (kind: string, stroke: string, dash: number[]) =>
    (value: number): Line => ({
      label: `${kind} ${value}${figure.uom}`,
      values: flat(value),
      series: { stroke, dash, width: 1.5, points: { show: false } },
    });
  const edge = { stroke: 'transparent', points: { show: false } };
  return [
    { label: 'max', values: figure.points.map(({ max }) => max), series: edge },
    { label: 'min', values: figure.points.map(({ min }) => min), series: edge },
    {
      label: figure.label,
      values: figure.points.map(({ value }) => value),
      series: { stroke: text, width: 2, points: { show: figure.points.length < 60 } },
    },
    ...limits.warn.map(limit('warning', warn, [8, 5])),
    ...limits.crit.map(limit('critical', bad, [2, 4])),
  ];
}

/** Where minutes would repeat, seconds tell them apart. Seconds. */
const briefSec = 600;

function optionsOf(props: GraphProps, lines: readonly Line[], width: number): UPlot.Options {
  const [first, last] = [props.figure.points[0], props.figure.points.at(-1)];
  const isBrief = (last?.atSec ?? 0) - (first?.atSec ?? 0) < briefSec;
  const timeOf = isBrief ? exactTime : clockTime;
  const axis = {
    stroke: colour('--dim'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line') },
    font: '12px system-ui',
  };
  return {
    width,
    height: heightPx,
    // Half of the newest label stands beyond the last value.
    padding: [12, 32, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    series: [{}, ...lines.map(({ label, series }) => ({ label, ...series }))],
    bands: [{ series: [1, 2], fill: `color-mix(in srgb, ${colour('--busy')} 25%, transparent)` }],
    axes: [
      { ...axis, space: 70, values: (_plot, ticks) => ticks.map((sec) => timeOf(sec * 1000, props.nowMs)) },
      { ...axis, size: 60, values: (_plot, ticks) => ticks.map((value) => `${value}${props.figure.uom}`) },
    ],
  };
}

const dark = matchMedia('(prefers-color-scheme: dark)');

/** Changes with the colours of the page, which a drawing does not follow by itself. */
function useLook(): string {
  const [isDark, setDark] = useState(dark.matches);
  useEffect(() => {
    const note = (): void => setDark(dark.matches);
    dark.addEventListener('change', note);
    return () => dark.removeEventListener('change', note);
  }, []);
  return `${theme.value} ${isDark}`;
}

export function Graph(props: GraphProps) {
  const place = useRef<HTMLDivElement>(null);
  const { figure, limits } = props;
  const look = useLook();
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const lines = linesOf(props);
    const data = [figure.points.map(({ atSec }) => atSec), ...lines.map(({ values }) => values)];
    const plot = new UPlot(optionsOf(props, lines, element.clientWidth), data as UPlot.AlignedData, element);
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: heightPx }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [figure, limits, look]);
  return <div class="graph" ref={place} aria-hidden="true" />;
}
