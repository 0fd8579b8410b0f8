/** Joins the ways of running commands into the Runner port; it chooses by target and does nothing itself. */
import type { HostDefinition, PluginFile, SshConfig } from '../core/definitions.ts';
import type { Clock, Runner, RunOutcome, RunRequest } from '../core/ports.ts';
import { Batcher } from './batcher.ts';
import { runBatchSession } from './check-batch-session.ts';
import type { HostKeyChange } from './host-keys.ts';
import { LocalRunner } from './local-runner.ts';
import { OpensshProgram } from './openssh-program.ts';
import type { PluginUploader } from './plugin-upload-port.ts';
import { createLogins } from './ssh-auth.ts';
import { type PoolLog, SshPool } from './ssh-pool.ts';
import { runOverSsh, withConnection } from './ssh-runner.ts';

export interface RunnerOptions {
  config: SshConfig;
  clock: Clock;
  /** In [0, 1); for the jitter of reconnecting. */
  random: () => number;
  /** Finds jump hosts until the first `update`. */
  hosts: (name: string) => HostDefinition | undefined;
  /**
   * Failures in a row before this process began, from the stored status of a host; 0 when it was reached. Those in trouble
   * are tried a random while later (up to 30 s) and after the others. Asked until the first `update`.
   */
  troubled?: (host: string) => number;
  /** Brings plugins to hosts; without it a request with a plugin is not sent. */
  plugins?: PluginUploader;
  /** A host presented another key than the known one. Called for each refused attempt. */
  onHostKeyChange?: (host: string, change: HostKeyChange) => void;
  log?: PoolLog;
  /** The agent's socket; SSH_AUTH_SOCK when absent. */
  agentSocket?: string;
}

/** What a script that found no plugin exits with, before it did anything else. */
const pluginGone = 'mendd: the plugin is gone';

/** Errors: MenddError KEY_UNUSABLE, also from `update`, which then has changed nothing. */
export function createRunner(options: RunnerOptions): Runner {
  const { clock, plugins } = options;
  const agentSocket = options.agentSocket ?? process.env['SSH_AUTH_SOCK'];
  let config = options.config;
  const local = new LocalRunner(clock);
  const openssh = new OpensshProgram(clock, agentSocket);
  const pool = new SshPool({
    config,
    openssh,
    logins: createLogins(config, agentSocket),
    clock,
    random: options.random,
    hosts: options.hosts,
    troubled: options.troubled,
    onHostKeyChange: options.onHostKeyChange ?? (() => undefined),
    log: options.log ?? (() => undefined),
  });
  const active = new Set<Promise<RunOutcome>>();

  const batcher = new Batcher({
    clock,
    alone: (host, request) => runOverSsh(pool, host, request, config.connectTimeoutMs, clock),
    together(host, requests, parallel, tell) {
      const timeoutMs = Math.max(...requests.map((request) => request.timeoutMs));
      const limits = { purpose: 'check', timeoutMs } as const;
      return withConnection(pool, host, limits, config.connectTimeoutMs, clock, (connection, timing) =>
        runBatchSession(connection, requests, parallel, timing, tell),
      );
    },
  });

  const runOn = (request: RunRequest): Promise<RunOutcome> =>
    request.target.kind === 'local' || request.target.host.transport === 'local'
      ? local.run(request)
      : batcher.run(request.target.host, request);

  const notSent = (reason: string): RunOutcome => ({
    kind: 'not_sent',
    reason,
    startedAtMs: clock.nowMs(),
    durationMs: 0,
  });

  async function runPlugin(request: RunRequest, plugin: PluginFile): Promise<RunOutcome> {
    const { target } = request;
    if (target.kind === 'local' || target.host.transport === 'local') {
      return runOn({ ...request, env: { ...request.env, MENDD_PLUGIN: plugin.path } });
    }
    if (!plugins) return notSent('plugins cannot be uploaded by this runner');
    const hostKey = accountKey(target.host, request.sudo?.user);
    const { beforeSend: _, stdin: __, env: ___, plugin: ____, batch: _____, ...same } = request;
    for (let attempt = 1; ; attempt += 1) {
      const ready = await plugins.ensure({
        hostKey,
        plugin,
        run: (script, stdin) => runOn({ ...same, script, ...(stdin === undefined ? {} : { stdin }) }),
      });
      if (ready.kind !== 'ready') return ready;
      const script = `[ -x "$MENDD_PLUGIN" ] || { echo '${pluginGone}' >&2; exit 126; }\n${request.script}`;
      const outcome = await runOn({ ...request, script, env: { ...request.env, MENDD_PLUGIN: ready.path } });
      const gone =
        outcome.kind === 'exited' && outcome.exitCode === 126 && outcome.stderr.includes(pluginGone);
      // The script's own part did not run, so it may be sent again.
      if (!gone || attempt > 1) return outcome;
      plugins.forget(hostKey, plugin);
    }
  }

  return {
    run(request) {
      const problem = unsendable(request);
      if (problem) return Promise.resolve(notSent(problem));
      const run = request.plugin ? runPlugin(request, request.plugin) : runOn(request);
      active.add(run);
      return run.finally(() => active.delete(run));
    },
    update(definitions) {
      const logins = createLogins(definitions.daemon.ssh, agentSocket);
      config = definitions.daemon.ssh;
      pool.update(config, logins, definitions.hosts);
      void openssh.forgetKeys();
    },
    connections: () => pool.connections(),
    batches: () => batcher.counts(),
    async close() {
      pool.close();
      local.close();
      await Promise.allSettled(active);
      await openssh.close();
    },
  };
}

function accountKey(host: HostDefinition, sudoUser: string | undefined): string {
  return `${host.name} ${host.user}@${host.address}:${host.port} ${sudoUser ?? ''}`;
}

/** Linux takes no longer argument or variable (MAX_ARG_STRLEN, 32 pages, its NUL included). */
const maxArgumentBytes = 32 * 4096 - 1;

/** What no shell could be told. */
function unsendable({ script, env, timeoutMs }: RunRequest): string | undefined {
  if (script.includes('\0')) return 'the command contains a NUL byte';
  if (Buffer.byteLength(script) > maxArgumentBytes)
    return `the command is longer than ${maxArgumentBytes} bytes`;
  if (!(timeoutMs > 0)) return 'the time limit must be above 0';
  for (const [name, value] of Object.entries(env ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `${JSON.stringify(name)} cannot name a variable`;
    if (value.includes('\0')) return `the variable ${name} contains a NUL byte`;
    if (Buffer.byteLength(`${name}=${value}`) > maxArgumentBytes) {
      return `the variable ${name} is longer than ${maxArgumentBytes} bytes`;
    }
  }
  return undefined;
}
