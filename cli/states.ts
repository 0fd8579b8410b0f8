/** How states, runs and gates look and rank on a terminal: the word first, colour only beside it. */
import type { RunStatus } from '../core/types.ts';
import type { CheckRow, HostRow, RunRow } from './api-types.ts';
import type { Column, Hue } from './output.ts';
import { showAge, showDuration, showInstant } from './times.ts';

/** Nagios's return codes. Source: Monitoring Plugins Development Guidelines, 2.3. */
export const nagiosCodes: Readonly<Record<string, number>> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

const ranks = ['unreachable', 'critical', 'unknown', 'warning', 'pending', 'ok', 'up'];

/** Worst first. */
export function byState(a: string, b: string): number {
  return ranks.indexOf(a) - ranks.indexOf(b);
}

/** The worst of some states as an exit code: critical, then unknown, then warning. Pending counts as OK. */
export function worstCode(states: readonly string[]): number {
  const worst = [...states].map((state) => (state === 'unreachable' ? 'unknown' : state)).sort(byState)[0];
  return nagiosCodes[worst ?? 'ok'] ?? 0;
}

const hues: Readonly<Record<string, Hue>> = {
  ok: 'good',
  up: 'good',
  warning: 'warn',
  critical: 'bad',
  unknown: 'odd',
  unreachable: 'bad',
  pending: 'quiet',
};

export function stateHue(state: string): Hue | undefined {
  return hues[state];
}

export function runHue(status: RunStatus): Hue | undefined {
  if (status === 'verified' || status === 'done') return 'good';
  if (status === 'failed' || status === 'not_verified' || status === 'unknown') return 'bad';
  if (status === 'inconclusive' || status === 'refused' || status === 'expired') return 'warn';
  return undefined;
}

export const hostColumns: readonly Column<HostRow>[] = [
  { title: 'HOST', cell: (host) => host.name },
  {
    title: 'STATE',
    cell: (host) => host.status.state.toUpperCase(),
    hue: (host) => stateHue(host.status.state),
  },
  { title: 'FOR', cell: (host) => showAge(host.status.since) },
  { title: 'CHECKS', cell: countChecks, hue: (host) => stateHue(worstCheck(host)) },
  { title: 'ADDRESS', cell: (host) => host.address },
  { title: 'ABOUT', cell: aboutHost },
];

function worstCheck(host: HostRow): string {
  const present = Object.entries(host.checks).filter(([, count]) => count > 0);
  return present.map(([state]) => state).sort(byState)[0] ?? 'pending';
}

function countChecks(host: HostRow): string {
  const parts = Object.entries(host.checks).filter(([, count]) => count > 0);
  return parts
    .sort(([a], [b]) => byState(a, b))
    .map(([state, count]) => `${count} ${state}`)
    .join(', ');
}

function aboutHost({ status, run, labels }: HostRow): string {
  if (status.failure !== undefined) return `${status.failure.stage}: ${status.failure.message}`;
  if (run !== undefined) return `${run.action} ${run.status}`;
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

export const checkColumns: readonly Column<CheckRow>[] = [
  { title: 'STATE', cell: showState, hue: (row) => (row.stale ? 'odd' : stateHue(row.status.state)) },
  { title: 'CHECK', cell: (row) => `${row.host}/${row.check}` },
  { title: 'TRY', cell: showTry },
  { title: 'FOR', cell: (row) => showAge(row.status.since) },
  { title: 'TEXT', cell: (row) => row.status.lastResult?.text ?? '' },
];

/** What has not been asked yet has had no attempt. */
function showTry({ status, maxAttempts }: CheckRow): string {
  return status.state === 'pending' ? '' : `${status.attempt}/${maxAttempts} ${status.type}`;
}

function showState({ status, stale }: CheckRow): string {
  const marks = [
    stale ? 'stale' : '',
    status.flap.flapping ? 'flapping' : '',
    status.suppressedBy === undefined ? '' : 'explained',
  ].filter((mark) => mark !== '');
  return [status.state.toUpperCase(), ...marks].join(' ');
}

export const runColumns: readonly Column<RunRow>[] = [
  { title: 'STATUS', cell: (run) => run.status, hue: (run) => runHue(run.status) },
  { title: 'DECIDED', cell: (run) => showInstant(run.decidedAt) },
  { title: 'HOST', cell: (run) => run.host },
  { title: 'ACTION', cell: (run) => run.action },
  { title: 'TOOK', cell: tookOf },
  { title: 'ID', cell: (run) => run.id },
  { title: 'OUTCOME', cell: (run) => run.outcome ?? run.reason },
];

function tookOf({ decidedAt, endedAt }: RunRow): string {
  return endedAt === undefined ? '' : showDuration(Date.parse(endedAt) - Date.parse(decidedAt));
}
