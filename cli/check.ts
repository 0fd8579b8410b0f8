/**
 * `mendd check`: asks a host now, without a daemon, and leaves with the worst Nagios state. With one check named it is itself
 * a Nagios plugin.
 */
import type { Command } from 'commander';
import type { CheckDefinition, Definitions, HostDefinition } from '../core/definitions.ts';
import type { PerfDatum, TransportFailure } from '../core/types.ts';
import type { Asked } from '../daemon/check-run.ts';
import { addCommand, type ConfigOptions, type OutputOptions, withConfig, withOutput } from './command.ts';
import { findDaemonFile } from './daemon-file.ts';
import { usageError } from './exit.ts';
import { pickName, splitTarget } from './names.ts';
import { type Column, Output } from './output.ts';
import { plain } from './plain-text.ts';
import { stateHue, worstCode } from './states.ts';
import { showDuration } from './times.ts';

interface Verdict {
  host: string;
  check: string;
  state: string;
  text: string;
  longText: string;
  perfdata: PerfDatum[];
  durationMs?: number;
  failure?: TransportFailure;
}

export function addCheck(program: Command): void {
  const summary =
    'run checks of a host now; needs no daemon. Exit code: the worst state, as of a Nagios plugin';
  const command = addCommand(program, 'check <host> [check]', summary, [
    'check web-1                       # all that are not told by others',
    'check web-1/queue-workers.running',
    'check web-1 running -o json',
  ]);
  withConfig(withOutput(command)).action(check);
}

async function check(
  target: string,
  name: string | undefined,
  options: OutputOptions & ConfigOptions,
): Promise<void> {
  const wanted = splitTarget(target, name);
  const configFile = findDaemonFile(options.config);
  const { loadOrThrow } = await import('../daemon/load.ts');
  const { definitions } = loadOrThrow({ configFile });
  const plan = definitions.byHost.get(pickName('host', wanted.host, [...definitions.hosts.keys()]));
  if (plan === undefined) throw usageError(`There is no host \`${wanted.host}\`.`);
  const { host } = plan;
  const ids = plan.checks.map(({ id }) => id);
  const id = wanted.check === undefined ? undefined : pickName('check', wanted.check, ids, host.name);
  const checks = plan.checks.filter((each) => (id === undefined ? isAsked(each) : each.id === id));
  if (plan.checks.length === 0)
    throw usageError(`No runbook checks ${host.name}.`, 'See `hosts` in the runbooks.');
  if (checks.length === 0)
    throw usageError(
      `All checks of ${host.name} are told by others; none can be asked.`,
      '`mendd checks` shows them.',
    );
  const verdicts = await ask(definitions, host, checks);
  show(new Output(options.output), verdicts, id !== undefined);
  process.exitCode = worstCode(verdicts.map(({ state }) => state));
}

/** What others tell only the daemon knows. */
function isAsked({ probe: { kind } }: CheckDefinition): boolean {
  return kind !== 'passive' && kind !== 'alert';
}

/** As many at once as the daemon would run on one host; in the order of the definitions. */
async function ask(
  definitions: Definitions,
  host: HostDefinition,
  checks: readonly CheckDefinition[],
): Promise<Verdict[]> {
  const { openAsker } = await import('./ask.ts');
  const asker = openAsker(definitions);
  const verdicts = new Map<string, Verdict>();
  const waiting = [...checks];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      verdicts.set(next.id, verdictOf(host.name, next.id, await asker.ask(host, next)));
    }
  };
  try {
    await Promise.all(Array.from({ length: definitions.daemon.scheduler.maxPerHost }, work));
  } finally {
    await asker.close();
  }
  return checks.flatMap(({ id }) => verdicts.get(id) ?? []);
}

function verdictOf(host: string, id: string, asked: Asked): Verdict {
  const none = { host, check: id, state: 'unknown', longText: '', perfdata: [] };
  switch (asked.kind) {
    case 'result': {
      const { state, text, longText, perfdata, durationMs } = asked.result;
      return { host, check: id, state, text, longText, perfdata, durationMs };
    }
    case 'unreachable': {
      const { stage, message, hint } = asked.failure;
      return {
        ...none,
        text: `${asked.asked} cannot be asked (${stage}): ${message}. ${hint}`,
        failure: asked.failure,
      };
    }
    case 'not_asked':
      return { ...none, text: `not asked: ${asked.reason}` };
  }
}

function show(out: Output, verdicts: readonly Verdict[], asPlugin: boolean): void {
  const [first] = verdicts;
  if (asPlugin && out.format === 'table' && first !== undefined) {
    out.lines([
      pluginLine(first),
      ...(first.longText === '' ? [] : [plain(first.longText, { lines: true })]),
    ]);
    return;
  }
  out.list('results', verdicts, columns, '');
}

const columns: readonly Column<Verdict>[] = [
  { title: 'STATE', cell: ({ state }) => state.toUpperCase(), hue: ({ state }) => stateHue(state) },
  { title: 'CHECK', cell: (verdict) => `${verdict.host}/${verdict.check}` },
  { title: 'TOOK', cell: ({ durationMs }) => (durationMs === undefined ? '' : showDuration(durationMs)) },
  { title: 'TEXT', cell: ({ text }) => text },
];

/** `text|perfdata`. A `|` in the text would start the perfdata. Source: Nagios plugin API. */
function pluginLine({ state, text, perfdata }: Verdict): string {
  const said = plain(text).replaceAll('|', '/') || '(no output)';
  // A text that does not name its state leaves a reader of the line alone without it.
  const named = new RegExp(`\\b${state}\\b`, 'i').test(said) ? said : `${state.toUpperCase()}: ${said}`;
  return perfdata.length === 0 ? named : `${named}|${perfdata.map(perfText).join(' ')}`;
}

function perfText({ label, value, uom, warn, crit, min, max }: PerfDatum): string {
  const name = /[\s'=|]/.test(label) ? `'${plain(label).replaceAll("'", "''")}'` : plain(label);
  const measured = value === null ? 'U' : `${value}${plain(uom)}`;
  return `${name}=${[measured, plain(warn), plain(crit), min ?? '', max ?? ''].join(';').replace(/;+$/, '')}`;
}
