// Turns samples into a markdown table with medians, spread and ratios, and puts it into docs/performance.md.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { checkBySsh } from './peers.mjs';

const root = new URL('..', import.meta.url);
const loadAtStart = loadavg()[0];

/** `contenders` have `name`, `samples` in the order of the rounds and perhaps `skipped`; the first is what all are compared with. */
export function report(contenders, flags) {
  const [first] = contenders;
  const rows = contenders.map(({ name, samples, skipped }) => {
    if (skipped !== undefined) return `| ${name} | skipped: ${skipped} | | | | |`;
    const perCheckMs = samples.map(({ cpuMs, checks }) => cpuMs / checks);
    const rates = samples.map(({ cpuMs, checks }) => (checks * 1000) / cpuMs);
    const hostsMs = samples.map(({ hostsCpuMs, checks }) => hostsCpuMs / checks);
    const ratios = samples.map((_, i) => perCheckMs[i] / (first.samples[i].cpuMs / first.samples[i].checks));
    const count = samples.reduce((total, { checks }) => total + checks, 0);
    const ratio = name === first.name ? '1' : `**${spread(ratios)}**`;
    return `| ${name} | ${spread(perCheckMs)} | ${spread(rates)} | ${ratio} | ${spread(hostsMs)} | ${count} |`;
  });
  return [
    '| | client CPU per check, ms | checks per CPU second | times the CPU of mendd | CPU of the hosts per check, ms | checks |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    `Median (least to most); rounds: ${first.samples.length}. ${machine()} ${sizes(flags, first.samples)}`,
  ].join('\n');
}

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
  return `${short(median)} (${short(sorted[0])} to ${short(sorted.at(-1))})`;
}

/** Three digits say more than the noise allows already. */
function short(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2);
}

function machine() {
  const system = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const name = /^PRETTY_NAME="?(.*?)"?$/m.exec(system)?.[1] ?? process.platform;
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: fileURLToPath(root),
    encoding: 'utf8',
  });
  const busy = loadAtStart > cpus().length ? ' (others kept the machine busy: trust the ratios)' : '';
  const load = `load average ${loadAtStart.toFixed(1)} before and ${loadavg()[0].toFixed(1)} after${busy}`;
  const parts = [
    new Date().toISOString().slice(0, 10),
    `mendd ${version}${commit.status === 0 ? ` (${commit.stdout.trim()})` : ''}`,
    `Node.js ${process.version}`,
    /^[^,]*/.exec(spawnSync('ssh', ['-V'], { encoding: 'utf8' }).stderr)?.[0],
    spawnSync(checkBySsh, ['-V'], { encoding: 'utf8' }).stdout?.trim(),
    name,
    `${cpus().length} x ${cpus()[0]?.model}`,
    load,
  ];
  return `${parts.filter((part) => part !== undefined && part !== '').join(', ')}.`;
}

function sizes(flags, samples) {
  const rate = samples.map(({ checks, wallMs }) => (checks * 1000) / wallMs);
  return `mendd: ${flags.hosts} hosts with ${flags.checks} checks every ${flags.every}, ${spread(rate)} checks a second, measured for ${flags.seconds} s after ${flags['warm-up']} s; peers: ${flags.concurrency} at once.`;
}

/** Replaces what stands between the two marks. */
export function writeDocument(text) {
  const file = new URL('docs/performance.md', root);
  const marked = /(<!-- bench -->\n)[\s\S]*(<!-- \/bench -->)/;
  const before = readFileSync(file, 'utf8');
  if (!marked.test(before)) throw new Error(`${fileURLToPath(file)} has no marks for the result`);
  writeFileSync(
    file,
    before.replace(marked, (_, head, tail) => `${head}\n${text}\n\n${tail}`),
  );
  console.error(`written: ${fileURLToPath(file)}`);
}
