/**
 * Owns the shell commands that ask what Monit asked of the kernel: processes, memory, load, files. Each prints one line and
 * ends with 0 when all is well, with 2 when the test failed, and with 3 when it cannot tell. It knows no control file.
 */
import { literalWord } from './literal-text.ts';

/** How Monit finds the process of a service. */
export type ProcessBy = { pidfile: string } | { matching: string };

export interface Limit {
  /** For awk. */
  operator: '>' | '<' | '>=' | '<=' | '==' | '!=';
  value: number;
}

function findPid(by: ProcessBy): string {
  return 'pidfile' in by
    ? `pid=$(cat ${literalWord(by.pidfile)} 2>/dev/null)`
    : `pid=$(pgrep -o -f -- ${literalWord(unlikeItself(by.matching))})`;
}

const isAlive = '[ -n "$pid" ] && { kill -0 "$pid" 2>/dev/null || [ -d "/proc/$pid" ]; }';

export function runningScript(by: ProcessBy): string {
  return `${findPid(by)}; if ${isAlive}; then echo "running as $pid"; else echo "not running"; exit 2; fi`;
}

/** The pattern as it is, but such that the command line which holds it does not match it. */
export function unlikeItself(pattern: string): string {
  if (pattern.startsWith('^')) return pattern;
  let isInside = false;
  for (let at = 0; at < pattern.length; at += 1) {
    const each = pattern[at] ?? '';
    if (each === '\\') at += 1;
    else if (each === '[') isInside = true;
    else if (each === ']') isInside = false;
    else if (!isInside && /[A-Za-z0-9/_]/.test(each) && !/[*?+{]/.test(pattern[at + 1] ?? ''))
      return `${pattern.slice(0, at)}[${each}]${pattern.slice(at + 1)}`;
  }
  return pattern;
}

function judge(limit: Limit, value: string, unit: string): string {
  return `if (v == "") { print "cannot tell"; exit 3 } print ${value} "${unit}"; exit (${value} ${limit.operator} ${limit.value}) ? 2 : 0`;
}

/** Kibibytes of one process, or with those it started. */
export function memoryScript(by: ProcessBy, withChildren: boolean, limit: Limit, isPercent: boolean): string {
  const total = isPercent ? `$(awk '/^MemTotal:/ {print $2}' /proc/meminfo)` : '100';
  const sum = withChildren ? treeSum : 'v = r[p]';
  return processAwk(
    by,
    `v = ""; ${sum}; if (v != "") v = v * 100 / t; ${judge(limit, 'v', isPercent ? '%' : ' KiB')}`,
    total,
  );
}

export function childrenScript(by: ProcessBy, limit: Limit): string {
  return processAwk(by, `v = ""; if (p in r) { ${treeCount} } ${judge(limit, 'v', ' children')}`, '1');
}

const reach = 'n = 1; q[1] = p; for (i = 1; i <= n; i++) for (c in u) if (u[c] == q[i]) q[++n] = c';
const treeSum = `if (p in r) { ${reach}; v = 0; for (i = 1; i <= n; i++) v += r[q[i]] }`;
const treeCount = `${reach}; v = n - 1;`;

function processAwk(by: ProcessBy, program: string, total: string): string {
  const rows = 'ps -eo pid=,ppid=,rss=';
  const read = '{ u[$1] = $2; r[$1] = $3 }';
  return `${findPid(by)}; ${rows} | awk -v p="$pid" -v t="${total}" '${read} END { ${program} }'`;
}

/** Share of all processors in one second; Monit looked from one cycle to the next. */
export function processCpuScript(by: ProcessBy, limit: Limit): string {
  const ticks = `sed 's/.*) //' "/proc/\${pid:-none}/stat" 2>/dev/null | awk '{print $12 + $13}'`;
  const share = `v = (b - a) * 100 / (h * c); ${judge(limit, 'v', '%')}`;
  return [
    findPid(by),
    `a=$(${ticks}); sleep 1; b=$(${ticks})`,
    '[ -n "$a" ] && [ -n "$b" ] || { echo "cannot tell"; exit 3; }',
    `awk -v a="$a" -v b="$b" -v h="$(getconf CLK_TCK)" -v c="$(getconf _NPROCESSORS_ONLN)" 'BEGIN { ${share} }'`,
  ].join('; ');
}

/** `fields`: columns of /proc/stat that count. */
export function systemCpuScript(fields: readonly number[], limit: Limit): string {
  const counted = fields.map((field) => `$${field}`).join(' + ');
  const row = `awk '/^cpu / { s = 0; for (i = 2; i <= 9; i++) s += $i; print ${counted}, s }' /proc/stat`;
  const share = `split(a, x); split(b, y); v = y[2] > x[2] ? (y[1] - x[1]) * 100 / (y[2] - x[2]) : 0; ${judge(limit, 'v', '%')}`;
  return `a=$(${row}); sleep 1; b=$(${row}); awk -v a="$a" -v b="$b" 'BEGIN { ${share} }'`;
}

export function loadScript(column: 1 | 2 | 3, perCore: boolean, limit: Limit): string {
  const cores = perCore ? '"$(getconf _NPROCESSORS_ONLN)"' : '1';
  return `awk -v c=${cores} '{ v = $${column} / c; ${judge(limit, 'v', '')} }' /proc/loadavg`;
}

export function systemMemoryScript(what: 'memory' | 'swap', limit: Limit, isPercent: boolean): string {
  const used =
    what === 'swap'
      ? 't = m["SwapTotal:"]; v = t - m["SwapFree:"]'
      : 't = m["MemTotal:"]; v = t - m["MemFree:"] - m["Buffers:"] - m["Cached:"] - m["SReclaimable:"]';
  const share = isPercent ? 'v = t > 0 ? v * 100 / t : 0;' : '';
  return `awk '{ m[$1] = $2 } END { ${used}; ${share} ${judge(limit, 'v', isPercent ? '%' : ' KiB')} }' /proc/meminfo`;
}

export function inodesScript(path: string, limit: Limit, isPercent: boolean): string {
  const value = isPercent ? '($3 + $4 > 0 ? $3 * 100 / ($3 + $4) : 0)' : '$3';
  return `df -P -i -- ${literalWord(path)} | awk 'NR == 2 { f = 1; v = ${value}; ${judge(limit, 'v', isPercent ? '%' : ' inodes')} } END { if (!f) exit 3 }'`;
}

/** `test` is of test(1): `-f`, `-d` ... */
export function existsScript(path: string, kind: string): string {
  return `if [ ${kind} ${literalWord(path)} ]; then echo "is there"; else echo "is not there"; exit 2; fi`;
}

/** `format` is of stat(1), and the answer must be the text. */
export function statScript(path: string, format: string, expected: string): string {
  return `v=$(stat -L -c ${format} -- ${literalWord(path)}) || exit 3; echo "$v"; [ "$v" = ${literalWord(expected)} ] || exit 2`;
}

export function sizeScript(path: string, limit: Limit): string {
  return `v=$(stat -L -c %s -- ${literalWord(path)}) || exit 3; awk -v v="$v" 'BEGIN { ${judge(limit, 'v', ' bytes')} }'`;
}

/** `format` is of stat(1): `%Y` of changes, `%X` of reads. */
export function ageScript(path: string, format: string, limit: Limit): string {
  const age = `awk -v v="$v" -v now="$(date +%s)" 'BEGIN { v = now - v; ${judge(limit, 'v', ' s old')} }'`;
  return `v=$(stat -L -c ${format} -- ${literalWord(path)}) || exit 3; ${age}`;
}

export function checksumScript(path: string, sum: string): string {
  const program = { 32: 'md5sum', 40: 'sha1sum' }[sum.length] ?? 'sha256sum';
  return `v=$(${program} < ${literalWord(path)}) || exit 3; v=\${v%% *}; echo "$v"; [ "$v" = ${sum.toLowerCase()} ] || exit 2`;
}

/** A program whose exit code is compared; its words are quoted already. */
export function statusScript(command: string, { operator, value }: Limit): string {
  const test = { '>': '-gt', '<': '-lt', '>=': '-ge', '<=': '-le', '==': '-eq', '!=': '-ne' }[operator];
  return `${command}; code=$?; [ "$code" ${test} ${value} ] && exit 2; exit 0`;
}
