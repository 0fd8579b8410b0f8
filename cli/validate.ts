/** `mendd validate`: judges the definitions without a daemon and tells every problem with its place. */
import type { Command } from 'commander';
import { formatProblem } from '../config/problems.ts';
import type { Definitions } from '../core/definitions.ts';
import { addCommand, type ConfigOptions, type OutputOptions, withConfig, withOutput } from './command.ts';
import { namedDefinitions } from './named-definitions.ts';
import { Output } from './output.ts';

interface ValidateOptions extends OutputOptions, ConfigOptions {
  secrets: boolean;
}

export function addValidate(program: Command): void {
  const summary = 'check the definitions; every problem at once as file:line:col, exit code 65';
  const command = addCommand(program, 'validate [path]', summary, [
    'validate',
    'validate ./mendd.yaml',
    'validate --no-secrets .         # in CI: a repository, without its daemon file too',
    'validate ./clone -c mendd.yaml  # definitions as that daemon would read them',
  ]);
  withConfig(withOutput(command))
    .option('--no-secrets', 'check the form of secret references, read none')
    .action((path: string | undefined, options: ValidateOptions) => validate(path, options));
}

async function validate(path: string | undefined, options: ValidateOptions): Promise<void> {
  const out = new Output(options.output);
  const named = namedDefinitions(path, options.config);
  const { loadDefinitions } = await import('../config/load.ts');
  const { untoldChecks } = await import('../config/untold-checks.ts');
  const { refusalOf } = await import('../daemon/load.ts');
  const loaded = loadDefinitions({ ...named, resolveSecrets: options.secrets });
  const problems = loaded.ok ? [] : loaded.problems;
  // Without its daemon file nobody knows whom it names.
  const isJudged = loaded.ok && named.isWithoutDaemonFile !== true;
  const untold = isJudged ? untoldChecks(loaded.definitions, named.configFile) : undefined;
  const warnings = untold === undefined ? loaded.warnings : [...loaded.warnings, untold];
  if (out.format !== 'table') {
    const counts = loaded.ok
      ? { revision: loaded.definitions.revision, counts: countsOf(loaded.definitions) }
      : {};
    out.value({ ok: loaded.ok, ...counts, problems, warnings }, () => []);
    if (!loaded.ok) process.exitCode = refusalOf(problems).exitCode;
    return;
  }
  for (const warning of warnings) out.talk(`warning: ${formatProblem(warning)}`);
  if (!loaded.ok) throw refusalOf(problems);
  const { hosts, runbooks, checks, actions } = countsOf(loaded.definitions);
  const words = [
    amount(hosts, 'host'),
    amount(runbooks, 'runbook'),
    amount(checks, 'check'),
    amount(actions, 'action'),
  ];
  const what = named.directory ?? named.configFile;
  out.lines([`${what} is valid: ${words.join(', ')}; revision ${loaded.definitions.revision}`]);
}

function amount(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** Checks and actions as they are written, not multiplied by hosts. */
function countsOf({
  hosts,
  runbooks,
}: Definitions): Record<'hosts' | 'runbooks' | 'checks' | 'actions', number> {
  return {
    hosts: hosts.size,
    runbooks: runbooks.length,
    checks: runbooks.reduce((sum, runbook) => sum + runbook.checks.length, 0),
    actions: runbooks.flatMap((runbook) => runbook.ladders).reduce((sum, { rungs }) => sum + rungs.length, 0),
  };
}
