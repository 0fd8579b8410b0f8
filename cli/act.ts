/**
 * `mendd act`: the plan of an action with every gate's verdict; with --yes a person's own act, through the same gates and
 * under their name. It never decides anything.
 */
import type { Command } from 'commander';
import { exitCodes } from '../core/errors.ts';
import { quoteShell } from '../core/shell-quote.ts';
import { openRunStatuses } from '../core/types.ts';
import type { HostRow, PlanAnswer, RunStory } from './api-types.ts';
import { type ApiClient, isAway } from './client.ts';
import { addCommand, type ChangeOptions, openSession, type Session, withApi, withKey } from './command.ts';
import { CommandError, usageError } from './exit.ts';
import { gateLines } from './gates.ts';
import { resolveAction, splitTarget } from './names.ts';
import type { Output } from './output.ts';
import { plain } from './plain-text.ts';
import { runLines } from './runs.ts';
import { showInstant } from './times.ts';
import { pauseFor } from './wait.ts';

interface ActOptions extends ChangeOptions {
  yes: boolean;
  reason?: string;
  wait: boolean;
}

/** Between two looks at a run. Milliseconds. */
const lookMs = 500;
/** A daemon that restarts meanwhile is waited for this long, and so is word of a run of which it is not known what became. Milliseconds. */
const patienceMs = 60_000;

export function addAct(program: Command): void {
  const summary = 'print what an action would do and what each gate says; with --yes, do it';
  const command = addCommand(program, 'act <host> <action>', summary, [
    'act web-1 restart                                      # the plan; exit code 1 when a gate stops it',
    "act web-1 restart --yes --reason 'deploy 4711' --wait  # needs a token with the scope act",
  ]);
  withKey(withApi(command))
    .option('--yes', 'execute it', false)
    .option('--reason <text>', 'why; recorded with your name')
    .option('--wait', 'follow the run to its end; exit code 0 only for verified or done', false)
    .action(act);
}

async function act(target: string, named: string, options: ActOptions): Promise<void> {
  const { host, check } = splitTarget(target);
  if (check !== undefined)
    throw usageError(
      `\`${target}\` names a check; an action is for a host.`,
      `Write: mendd act ${host} ${named}`,
    );
  const reason = options.reason?.trim() ?? '';
  if (options.yes && reason === '') throw usageError('--yes needs --reason: it is recorded with the run.');
  if (options.key !== undefined && !options.yes)
    throw usageError('--key is for a run, and without --yes none is started.');
  if (options.wait && !options.yes)
    throw usageError('--wait follows a run, and without --yes none is started.');
  const session = await openSession(options);
  const action = await resolveAction(session.client, host, named);
  const path = `/api/v1/hosts/${encodeURIComponent(host)}/actions/${encodeURIComponent(action)}/run`;
  if (options.yes) await execute(session, path, reason, options.wait);
  else await showPlan(session, path);
}

async function showPlan({ client, out }: Session, path: string): Promise<void> {
  const plan = await client.get<PlanAnswer>(path);
  out.value(plan, () => [
    `${out.paint('strong', plain(`${plan.action} on ${plan.host}`))} (${plain(plan.kind)})`,
    ...plain(plan.command, { lines: true })
      .split('\n')
      .map((line) => `  $ ${line}`),
    ...gateLines(out, plan.gates, '  '),
  ]);
  const passedOver = plan.gates.filter(({ passed }) => !passed).map(({ gate }) => gate);
  if (plan.allowed && passedOver.length > 0) {
    out.talk(`These closed gates bind rules, not a person: ${passedOver.join(', ')}.`);
  }
  if (plan.allowed) out.talk('Nothing was done. To do it: add --yes --reason TEXT.');
  else out.talk('Nothing was done. A closed gate would stop it, also for a person.');
  process.exitCode = plan.allowed ? exitCodes.ok : exitCodes.failed;
}

async function execute({ client, out }: Session, path: string, reason: string, wait: boolean): Promise<void> {
  const started = await client.post<RunStory>(path, { reason });
  out.talk(`${started.action} on ${started.host}: run ${started.id}`);
  if (!wait) {
    out.value(started, () => [started.id]);
    return;
  }
  const run = await follow(client, out, started);
  out.value(run, () => runLines(out, run));
  process.exitCode = run.status === 'verified' || run.status === 'done' ? exitCodes.ok : exitCodes.failed;
}

/**
 * Tells each event once, until the run ends. Errors: 75 when the daemon stays away, and the run goes on without a reader, or when it
 * stays unknown what became of it; 1 when the daemon dropped it before it was on disk.
 */
async function follow(client: ApiClient, out: Output, { id, host }: RunStory): Promise<RunStory> {
  let told = 0;
  let seenAtMs = performance.now();
  let knownAtMs = performance.now();
  for (;;) {
    const run = await look(client, id, host);
    if (run !== 'away') seenAtMs = performance.now();
    else if (performance.now() - seenAtMs > patienceMs) {
      const hint = `It may still end well: see \`mendd runs '${id}'\` when the daemon is back.`;
      throw new CommandError(exitCodes.tryAgain, `The daemon is away; run ${id} cannot be followed.`, {
        hint,
      });
    }
    if (typeof run === 'object') {
      for (const { at, status, text } of run.events.slice(told)) {
        out.talk(`${showInstant(at)}  ${status.padEnd(12)} ${text}`);
      }
      told = run.events.length;
      if (!openRunStatuses.includes(run.status)) return run;
      if (run.status !== 'unknown') knownAtMs = performance.now();
      else if (performance.now() - knownAtMs > patienceMs) throw unknownEnd(id, host);
    }
    await pauseFor(lookMs);
  }
}

function unknownEnd(id: string, host: string): CommandError {
  const hint = `Look at ${host}, then close the run: mendd cancel ${quoteShell(id)}. Until then nothing else is done there.`;
  return new CommandError(
    exitCodes.tryAgain,
    `It is not known what became of run ${id}; it is not sent again.`,
    {
      hint,
    },
  );
}

/** The run as the ledger has it; `starting` while only the daemon's memory does. */
async function look(client: ApiClient, id: string, host: string): Promise<RunStory | 'starting' | 'away'> {
  const read = (): Promise<RunStory | undefined> =>
    client.get<RunStory>(`/api/v1/runs/${encodeURIComponent(id)}`).catch((error: unknown) => {
      if (error instanceof CommandError && error.exitCode === exitCodes.usage) return undefined;
      throw error;
    });
  try {
    const run = await read();
    if (run !== undefined) return run;
    const { run: open } = await client.get<HostRow>(`/api/v1/hosts/${encodeURIComponent(host)}`);
    if (open?.id === id) return 'starting';
    const late = await read();
    if (late !== undefined) return late;
  } catch (error) {
    if (isAway(error)) return 'away';
    throw error;
  }
  throw new CommandError(exitCodes.failed, `The daemon did not start run ${id}; nothing was sent.`, {
    hint: 'Its log says why: mostly the host could not be asked, or another run was faster.',
  });
}
