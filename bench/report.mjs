// Words for figures: median and spread, the machine they are from, goals beside what was measured; and the place of each table in
// docs/performance.md.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { programs } from './peers.mjs';

const root = new URL('..', import.meta.url);

/** `median (least to most)`. */
export function spread(values, format = short) {
  const sorted = values.toSorted((a, b) => a - b);
  if (sorted.length === 1) return format(sorted[0]);
  return `${format(median(values))} (${format(sorted[0])} to ${format(sorted.at(-1))})`;
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

/** The value that `percent` of the others do not exceed. */
export function percentile(values, percent) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
}

function verdict(isMet) {
  if (isMet === undefined) return 'not measured';
  return isMet ? 'met' : '**missed**';
}

/** Three digits say more than the noise allows already. */
export function short(value) {
  if (Number.isNaN(value)) return 'not told';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 0.1 ? 2 : 3);
}

export function table(head, rows) {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return lines.join('\n');
}

/** Rows of `{ goal, measured, isMet }`; `isMet` undefined: could not be measured. */
export function goalTable(goals) {
  return table(
    ['goal', 'measured', ''],
    goals.map(({ goal, measured, isMet }) => [goal, measured ?? '', verdict(isMet)]),
  );
}

/** To be made when a table begins; its `text()` when the table ends. */
export function describeMachine() {
  const before = loadavg()[0];
  return {
    text() {
      const system = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
      const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
      const commit = firstLine('git', ['-C', fileURLToPath(root), 'rev-parse', '--short', 'HEAD']);
      const parts = [
        new Date().toISOString().slice(0, 10),
        `mendd ${version}${commit === undefined ? '' : ` (${commit})`}`,
        `Node.js ${process.version}`,
        firstLine(programs.ssh, ['-V'])?.replace(/,.*/, ''),
        /^PRETTY_NAME="?(.*?)"?$/m.exec(system)?.[1] ?? process.platform,
        `${cpus().length} x ${cpus()[0]?.model}`,
        `${Math.round(totalmem() / 2 ** 30)} GiB`,
        `load average ${before.toFixed(1)} before and ${loadavg()[0].toFixed(1)} after`,
      ];
      return `${parts.filter((part) => part !== undefined).join(', ')}.`;
    },
  };
}

/** Of what a program says first; undefined when it is missing or fails. */
export function firstLine(program, args) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return status === 0 ? (stdout || stderr).trim().split('\n')[0].trim() : undefined;
}

/** Replaces what stands between the marks of that table. */
export function writeTable(name, markdown) {
  const file = new URL('docs/performance.md', root);
  const marked = new RegExp(`(<!-- bench:${name} -->\n)[\\s\\S]*(<!-- /bench:${name} -->)`);
  const before = readFileSync(file, 'utf8');
  if (!marked.test(before)) throw new Error(`${fileURLToPath(file)} has no marks for the table ${name}`);
  writeFileSync(
    file,
    before.replace(marked, (_, head, tail) => `${head}\n${markdown.trim()}\n\n${tail}`),
  );
  console.error(`written: ${name} in ${fileURLToPath(file)}`);
}
