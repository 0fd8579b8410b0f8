/**
 * The `process` check: how many processes of one name run. Owns the reading of `ps`. Zombies do not count, and
 * a list that hides other users' processes is UNKNOWN, never "none runs".
 */
import type { CheckPlan } from '../core/ports.ts';
import { quoteShell } from '../core/shell-quote.ts';
import { type Exited, lastLine, perf, resultFromRun, type Verdict } from './verdict.ts';

interface ProcessProbe {
  name: string;
  min: number;
  max?: number;
}

/** Linux keeps this many characters of a process's name (TASK_COMM_LEN less the final NUL, proc_pid_comm(5)). */
const keptNameLength = 15;

/** Between the list of names and the list of command lines. */
const divider = '--';

export function planProcess(probe: ProcessProbe): CheckPlan {
  // Filtered on the host, since thousands of processes would not fit into the output that is kept.
  const lines = [
    'export LC_ALL=C',
    `ps -A -o pid= -o stat= -o comm= | grep -e '^ *1 ' -e ${quoteShell(pattern(probe.name.slice(0, keptNameLength)))}`,
  ];
  if (probe.name.length > keptNameLength) {
    lines.push(`echo ${divider}`);
    lines.push(`ps -A -o pid= -o args= | cut -c 1-1000 | grep -e ${quoteShell(pattern(probe.name))}`);
  }
  lines.push('exit 0');
  return {
    kind: 'command',
    script: lines.join('\n'),
    read: (outcome) => resultFromRun(readProcesses(probe, outcome), outcome),
  };
}

/** A basic regular expression that means the text itself. */
function pattern(text: string): string {
  return text.replaceAll(/[\\.*[\]^$]/g, String.raw`\$&`);
}

function readProcesses(probe: ProcessProbe, outcome: Exited): Verdict {
  const { name, min, max } = probe;
  if (outcome.truncated) {
    return { state: 'unknown', text: `${name}: the process list is longer than the output that is kept` };
  }
  const [names = '', commandLines = ''] = outcome.stdout.split(`\n${divider}\n`);
  const processes = parseNames(names);
  const pids = matching(name, processes, commandLines);
  // Process 1 always runs; a list without it is empty or shows one user's processes only.
  if (pids.length < min && !processes.some((each) => each.pid === '1')) {
    const cause =
      lastLine(outcome.stderr) || 'ps shows only some of the processes (hidepid?); try sudo: true';
    return { state: 'unknown', text: `${name}: ${cause}` };
  }
  const count = pids.length;
  const shown = pids.slice(0, 10).join(', ');
  const list = count === 0 ? '' : ` (pid ${shown}${count > 10 ? ', ...' : ''})`;
  const trouble = count < min ? `, at least ${min} expected` : '';
  const excess = max !== undefined && count > max ? `, at most ${max} expected` : '';
  return {
    state: trouble || excess ? 'critical' : 'ok',
    text: `${name} ${count} ${count === 1 ? 'process' : 'processes'}${list}${trouble}${excess}`,
    perfdata: [perf('procs', count, '', { crit: `${min}:${max ?? ''}`, min: 0 })],
  };
}

interface ListedProcess {
  pid: string;
  zombie: boolean;
  comm: string;
}

function parseNames(list: string): ListedProcess[] {
  return list.split('\n').flatMap((line) => {
    const row = /^\s*(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line);
    if (row === null) return [];
    // Some systems (BSD, macOS) give the path.
    const comm = baseName(row[3] ?? '');
    return [{ pid: row[1] ?? '', zombie: (row[2] ?? '').startsWith('Z'), comm }];
  });
}

function matching(name: string, processes: readonly ListedProcess[], commandLines: string): string[] {
  const alive = processes.filter((each) => !each.zombie);
  const cut = name.slice(0, keptNameLength);
  if (cut === name) return alive.filter((each) => each.comm === name).map((each) => each.pid);
  // The name is longer than what the kernel keeps, so the command line must confirm it.
  const confirmed = new Set(
    commandLines.split('\n').flatMap((line) => {
      const [pid = '', ...words] = line.trim().split(/\s+/);
      return words.some((word) => baseName(word).replace(/:$/, '') === name) ? [pid] : [];
    }),
  );
  return alive
    .filter((each) => each.comm === name || (each.comm === cut && confirmed.has(each.pid)))
    .map((each) => each.pid);
}

function baseName(path: string): string {
  return path.startsWith('/') ? path.slice(path.lastIndexOf('/') + 1) : path;
}
