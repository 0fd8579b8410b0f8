/**
 * Owns the way from the daemon file to its checked form: secrets, paths, names that must exist. It reads
 * no definitions.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ApiConfig } from '../core/daemon-config.ts';
import type { DaemonConfig, HostDefinition, SshConfig } from '../core/definitions.ts';
import { type DaemonInput, daemonSchema } from './daemon-schema.ts';
import { resolveRegistration } from './inventory/registration.ts';
import { nearestFile } from './paths.ts';
import { type ProblemList, suggest } from './problems.ts';
import { resolveMessages } from './resolve-messages.ts';
import { resolveNotify } from './resolve-notify.ts';
import { resolveRemediation } from './resolve-remediation.ts';
import { resolveGit, resolveHold, sourceDirectory, usualPath } from './resolve-source.ts';
import type { SecretReader } from './secrets.ts';
import { keyPlace, placeOf, type Tree } from './yaml-tree.ts';
import { readPartly } from './zod-problems.ts';

export interface DaemonFile {
  tree: Tree;
  /** The sections without problems. */
  parts: Partial<DaemonInput>;
  whole?: DaemonInput;
}

export function readDaemonFile(tree: Tree, problems: ProblemList): DaemonFile {
  return { tree, ...readPartly(daemonSchema, tree, 'daemon file', problems) };
}

/** As the user wrote it, relative to the daemon file; for messages and for reading. Undefined also while no commit is in force. */
export function definitionsPath({ tree, parts }: DaemonFile): string | undefined {
  return sourceDirectory(parts, tree);
}

/** Names under `notify`, without the routes; undefined when that section has problems. */
export function notifyNames({ parts }: DaemonFile): readonly string[] | undefined {
  return parts.notify && Object.keys(parts.notify);
}

/** What a `notify` action can name: targets, and routes of messages. Undefined when either section has problems. */
export function toldNames(file: DaemonFile): readonly string[] | undefined {
  const names = notifyNames(file);
  const isBroken = file.tree.entries.has('messages') && file.parts.messages === undefined;
  if (names === undefined || isBroken) return undefined;
  return [...names, ...(file.parts.messages?.routes ?? []).map(({ name }) => name)];
}

/** The checked form, or undefined with every reason among the problems. `hosts` is absent when they have problems. */
export function resolveDaemon(
  file: DaemonFile,
  hosts: ReadonlyMap<string, HostDefinition> | undefined,
  secrets: SecretReader,
  problems: ProblemList,
): DaemonConfig | undefined {
  const found = problems.problems.length;
  const { tree, parts, whole } = file;
  const ssh = parts.ssh && resolveSsh(parts.ssh, tree, hosts, secrets, problems);
  const notify = resolveNotify(parts.notify ?? {}, tree, secrets, Date.now(), problems);
  const names = notifyNames(file);
  const limits = { tree, hosts, notifyNames: names, secrets, problems };
  if (parts.api?.listen === 'none' && parts.api.socket === undefined) {
    const hint = 'set `socket`, for example `/run/mendd-api/api.sock`, or an address';
    problems.add(placeOf(tree, ['api', 'listen']), 'nobody could reach the API: there is no `socket`', hint);
  }
  const remediation = resolveRemediation(parts.remediation, limits);
  const told = { tree, targets: names, nowMs: Date.now(), problems };
  const messages = parts.messages && resolveMessages(parts.messages, told);
  const git = resolveGit(parts, tree, secrets, problems);
  const beat = parts.heartbeat;
  const beatUrl = beat && secrets.read(beat.url, 'url', 'url', placeOf(tree, ['heartbeat', 'url']));
  if (whole === undefined || ssh === undefined || remediation === undefined) return undefined;
  if (problems.problems.length > found) return undefined;
  const { definitions, store, api, scheduler, registration, facts, log } = whole;
  const path = (written: string): string => resolve(nearestFile(tree.place.file, written));
  return {
    definitionsPath: resolve(definitionsPath(file) ?? path(definitions.path ?? usualPath)),
    ...(git === undefined ? {} : { git }),
    hold: resolveHold(definitions),
    store: {
      path: path(store.path),
      keepResultsMs: store.keep.results,
      keepHistoryMs: store.keep.history,
      keepRollupsMs: store.keep.rollups,
    },
    ssh,
    api: resolveApi(api, path),
    scheduler: {
      maxConcurrent: scheduler.max_concurrent,
      maxPerHost: scheduler.max_per_host,
      queueLimit: scheduler.queue_limit,
    },
    remediation,
    ...(registration === undefined ? {} : { registration: resolveRegistration(registration) }),
    facts: { enabled: facts.enabled, everyMs: facts.every, timeoutMs: facts.timeout },
    notify,
    ...(messages === undefined ? {} : { messages }),
    ...(beat === undefined || beatUrl === undefined
      ? {}
      : { heartbeat: { url: beatUrl, everyMs: beat.every, timeoutMs: beat.timeout } }),
    log,
  };
}

function resolveApi(
  { listen, socket, tls, public_url: publicUrl, status_page: page }: DaemonInput['api'],
  path: (written: string) => string,
): ApiConfig {
  return {
    ...(listen === 'none' ? {} : { listen }),
    ...(socket === undefined ? {} : { socket }),
    ...(tls === undefined ? {} : { tls: { certificate: path(tls.certificate), key: path(tls.key) } }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(page === undefined ? {} : { statusPage: resolveStatusPage(page) }),
  };
}

function resolveStatusPage({
  group_by: groupBy,
  ...rest
}: NonNullable<DaemonInput['api']['status_page']>): NonNullable<ApiConfig['statusPage']> {
  return { ...rest, ...(groupBy === undefined ? {} : { groupBy }) };
}

function resolveSsh(
  input: DaemonInput['ssh'],
  tree: Tree,
  hosts: ReadonlyMap<string, HostDefinition> | undefined,
  secrets: SecretReader,
  problems: ProblemList,
): SshConfig {
  const read = (key: 'identity' | 'action_identity' | 'passphrase') => {
    const text = input[key];
    const use = key === 'passphrase' ? 'password' : 'key';
    return text && secrets.read(text, use, key, placeOf(tree, ['ssh', key]));
  };
  const [identity, actionIdentity, passphrase] = [
    read('identity'),
    read('action_identity'),
    read('passphrase'),
  ];
  const overSsh = [...(hosts?.values() ?? [])].filter((host) => host.transport === 'ssh');
  if (overSsh.length > 0 && input.identity === undefined && !input.agent) {
    const hint = 'set `identity` (for example `${cred:ssh_key}`) or `agent: true` under `ssh`';
    problems.add(keyPlace(tree, 'ssh'), 'there is no SSH key to log in with', hint);
  }
  const jump = input.jump;
  const through = jump === undefined ? undefined : hosts?.get(jump);
  if (jump !== undefined && hosts !== undefined && (through === undefined || through.transport === 'local')) {
    const place = placeOf(tree, ['ssh', 'jump']);
    if (through === undefined)
      problems.add(place, `\`jump\`: there is no host \`${jump}\``, suggest(jump, hosts.keys()));
    else problems.add(place, `\`jump\`: \`${jump}\` is the ops box itself`, 'delete `jump`');
  }
  const path = (written: string): string => resolve(nearestFile(tree.place.file, written));
  const [knownHosts, certificates] = [path(input.known_hosts), input.certificates.map(path)];
  const clientConfig = input.config === undefined ? undefined : path(input.config);
  const overOpenssh = [...(hosts?.values() ?? [])].filter((host) => host.transport === 'openssh');
  // An ssh_config may name other sources of host keys.
  const keysNeeded = overSsh.length + (clientConfig === undefined ? overOpenssh.length : 0) > 0;
  if (keysNeeded && input.host_keys === 'strict' && !existsSync(knownHosts)) {
    const hint =
      'with `host_keys: strict` no host can be reached; collect the keys, for example with ssh-keyscan, and compare them';
    problems.warn(placeOf(tree, ['ssh', 'known_hosts']), `${knownHosts} does not exist`, hint);
  }
  checkOpensshFiles({ config: clientConfig, certificates }, hosts && overOpenssh.length, tree, problems);
  return {
    transport: input.transport,
    user: input.user,
    ...(identity === undefined ? {} : { identity }),
    ...(actionIdentity === undefined ? {} : { actionIdentity }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(certificates.length === 0 ? {} : { certificates }),
    ...(clientConfig === undefined ? {} : { clientConfig }),
    agent: input.agent,
    knownHosts,
    hostKeys: input.host_keys,
    ...(jump === undefined ? {} : { jump }),
    connectTimeoutMs: input.connect_timeout,
    maxConnections: input.max_connections,
    connectRatePerSec: input.connect_rate,
    maxSessionsPerHost: input.max_sessions,
    pluginDirs: input.plugin_dirs,
    ...(input.guard_directory === undefined ? {} : { guardDirectory: input.guard_directory }),
  };
}

/** `users`: hosts reached by the ssh program; undefined when the hosts are not known. */
function checkOpensshFiles(
  files: { config: string | undefined; certificates: readonly string[] },
  users: number | undefined,
  tree: Tree,
  problems: ProblemList,
): void {
  const written: [string, readonly string[]][] = [
    ['config', files.config === undefined ? [] : [files.config]],
    ['certificates', files.certificates],
  ];
  for (const [key, paths] of written) {
    const place = placeOf(tree, ['ssh', key]);
    if (users === 0 && paths.length > 0) {
      const hint = 'set `transport: openssh` under `ssh`, or on the hosts that need it';
      problems.warn(place, `\`${key}\` means nothing: no host has \`transport: openssh\``, hint);
    }
    for (const path of users ? paths : []) {
      const hint = 'no host with `transport: openssh` can be reached without it';
      if (!existsSync(path)) problems.warn(place, `${path} does not exist`, hint);
    }
  }
}
