/**
 * The `disk` check: how full the filesystem under a path is, in bytes and in inodes. Owns the reading of `df`.
 * A filesystem out of inodes refuses new files just as a full one does, so the same limits hold for both.
 */
import type { CheckPlan } from '../core/ports.ts';
import { quoteShell } from '../core/shell-quote.ts';
import type { CheckState } from '../core/types.ts';
import { type Exited, lastLine, perf, resultFromRun, round, type Verdict } from './verdict.ts';

interface DiskProbe {
  path: string;
  warnPercent: number;
  critPercent: number;
}

interface Filled {
  used: number;
  free: number;
  percent: number;
  mount: string;
}

export function planDisk(probe: DiskProbe): CheckPlan {
  const path = quoteShell(probe.path);
  return {
    kind: 'command',
    // Inodes are no part of POSIX df: a host without them simply prints nothing there.
    script: `export LC_ALL=C\ndf -P -k -- ${path} || exit\ndf -P -i -- ${path} 2>/dev/null\nexit 0`,
    read: (outcome) => resultFromRun(readDisk(probe, outcome), outcome),
  };
}

function readDisk(probe: DiskProbe, outcome: Exited): Verdict {
  const tables = outcome.stdout.split(/^(?=Filesystem\s)/m);
  const blocks = outcome.exitCode === 0 ? parseRow(tables[0] ?? '') : undefined;
  if (blocks === undefined) {
    const cause = lastLine(outcome.stderr) || `df told nothing (exit ${outcome.exitCode})`;
    return { state: 'unknown', text: `${probe.path}: ${cause}` };
  }
  if (blocks.used + blocks.free === 0) {
    return { state: 'unknown', text: `${probe.path} is on ${blocks.mount}, a filesystem without a size` };
  }
  const inodeTable = tables.find((table) => /^Filesystem\s+Inodes\s/.test(table));
  const inodes = inodeTable === undefined ? undefined : parseRow(inodeTable);
  // btrfs and others make inodes as they need them and report a total of 0.
  const inodesCount = inodes !== undefined && inodes.used + inodes.free > 0;

  const diskState = stateOf(blocks.percent, probe);
  const inodeState = inodesCount ? stateOf(inodes.percent, probe) : 'ok';
  const limits = { warn: probe.warnPercent, crit: probe.critPercent, min: 0, max: 100 };
  const at = blocks.mount === probe.path ? '' : ` (on ${blocks.mount})`;
  const size = sizeWords(blocks.used + blocks.free);
  const words = [
    `${probe.path}${at} ${percentWords(blocks.percent)} used, ${sizeWords(blocks.free)} of ${size} free`,
  ];
  if (inodesCount && inodeState !== 'ok') words.push(`${percentWords(inodes.percent)} of inodes used`);
  return {
    state: worst(diskState, inodeState),
    text: words.join('; '),
    perfdata: [
      perf('used', round(blocks.percent, 2), '%', limits),
      perf('free', blocks.free * 1024, 'B', { min: 0, max: (blocks.used + blocks.free) * 1024 }),
      ...(inodesCount ? [perf('inodes', round(inodes.percent, 2), '%', limits)] : []),
    ],
  };
}

/** Last row of a df table. Names with spaces are why it is read from the numbers outwards. */
function parseRow(table: string): Filled | undefined {
  const row = /\s\d+\s+(\d+)\s+(-?\d+)\s+(?:\d+%|-)\s+(\/.*)$/.exec(table.trimEnd());
  if (row === null) return undefined;
  const used = Number(row[1]);
  const free = Math.max(0, Number(row[2]));
  // Like df: of what ordinary users can have, so the reserve of root counts as used up.
  return { used, free, percent: used + free === 0 ? 0 : (100 * used) / (used + free), mount: row[3] ?? '' };
}

function stateOf(percent: number, probe: DiskProbe): CheckState {
  if (percent >= probe.critPercent) return 'critical';
  return percent >= probe.warnPercent ? 'warning' : 'ok';
}

function worst(one: CheckState, other: CheckState): CheckState {
  if (one === 'critical' || other === 'critical') return 'critical';
  return one === 'ok' ? other : one;
}

function percentWords(percent: number): string {
  // Never "100%" while something is left.
  if (percent > 99 && percent < 100) return `${Math.floor(percent * 10) / 10}%`;
  return `${percent < 10 ? round(percent, 1) : Math.round(percent)}%`;
}

function sizeWords(kibibytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let size = kibibytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size < 10 ? round(size, 1) : Math.round(size)} ${units[unit]}`;
}
