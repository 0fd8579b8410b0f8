/**
 * Adds one host for `mendd init --host`: its file, its key in known_hosts after a person has seen the fingerprint, and a login
 * with the very keys and checks the daemon will use.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { CheckDefinition, Definitions, HostDefinition } from '../core/definitions.ts';
import { exitCodes, MenddError } from '../core/errors.ts';
import { loadOrThrow } from '../daemon/load.ts';
import { fingerprint, hostSpelling, keysOf, parseKnownHosts } from '../runner/known-hosts.ts';
import { openAsker } from './ask.ts';
import { CommandError } from './exit.ts';
import { writeNew } from './new-file.ts';
import type { Output } from './output.ts';
import { daemonFile } from './scaffold.ts';
import { type SshSettings, scanHostKeys } from './ssh-tools.ts';

export interface AddHostOptions {
  name: string;
  configFile: string;
  settings: SshSettings;
  /** Record the key without asking. */
  yes: boolean;
  out: Output;
}

const loginTimeoutMs = 20_000;

/**
 * Makes sure that the daemon file names a key to log in with, or will: the scaffold as it was written gets the key of the
 * settings, any other file is left to its owner. Errors: KEY_UNUSABLE, DEFINITIONS_INVALID.
 */
export function prepareLogin({ name, configFile, settings: { login }, out }: AddHostOptions): void {
  const isNew = !existsSync(configFile);
  if (!isNew && hasLogin(configFile, name)) return;
  if (login === undefined) {
    throw new MenddError(
      'KEY_UNUSABLE',
      `There is no SSH key to log in at ${name} with; nothing was written.`,
      {
        hint: `Make one with \`ssh-keygen -t ed25519 -N ''\` and \`ssh-copy-id ${name}\`, or start an SSH agent that holds one; then run this again.`,
      },
    );
  }
  if (isNew) return;
  if (readFileSync(configFile, 'utf8') !== daemonFile(undefined)) {
    const line = login === 'agent' ? 'agent: true' : `identity: \${file:${login.identity}}`;
    throw new MenddError('KEY_UNUSABLE', `${configFile} names no SSH key; nothing was written.`, {
      hint: `Write \`${line}\` under \`ssh\` there and run this again.`,
    });
  }
  writeFileSync(configFile, daemonFile(login));
  out.lines([`updated ${configFile}: ${login === 'agent' ? 'the SSH agent' : login.identity} logs in`]);
}

/** A host that is defined already proves it: without a key its definition would be refused. */
function hasLogin(configFile: string, name: string): boolean {
  const { definitions } = loadOrThrow({ configFile, resolveSecrets: false });
  const { identity, agent } = definitions.daemon.ssh;
  return identity !== undefined || agent || definitions.hosts.has(name);
}

export async function addHost(options: AddHostOptions): Promise<void> {
  const { name, configFile, out } = options;
  let { definitions } = loadOrThrow({ configFile, resolveSecrets: false });
  if (!definitions.hosts.has(name)) {
    writeHostFile(options, definitions.daemon.definitionsPath);
    ({ definitions } = loadOrThrow({ configFile, resolveSecrets: false }));
  }
  const host = definitions.hosts.get(name);
  if (host === undefined) throw new Error(`the host ${name} was written and is not there`);
  await recordKey(options, host, definitions.daemon.ssh.knownHosts);
  await testLogin(configFile, name);
  out.lines([`login as ${host.user} at ${host.address} port ${host.port} works`]);
  out.talk(`Next: mendd check ${name} --config ${configFile}`);
}

function writeHostFile({ name, settings, out }: AddHostOptions, definitionsPath: string): void {
  const path = join(definitionsPath, 'hosts', `${name}.yaml`);
  const { address, port, user } = settings;
  const text = `hosts:
  ${JSON.stringify(name)}:
    address: ${JSON.stringify(address)}
    port: ${port}
    user: ${JSON.stringify(user)}
    # labels: { role: web } # what runbooks select by
`;
  if (!writeNew(path, { text })) {
    throw new CommandError(exitCodes.failed, `${path} exists and does not define ${name}.`, {
      hint: `Write ${name} into it, or rename it.`,
    });
  }
  out.lines([`created ${path}`]);
}

async function recordKey(
  { name, yes, out }: AddHostOptions,
  host: HostDefinition,
  file: string,
): Promise<void> {
  const spelling = hostSpelling(host.address, host.port);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (keysOf(parseKnownHosts(text), spelling).length > 0) {
    out.lines([`kept    the key of ${spelling} in ${file}`]);
    return;
  }
  const lines = await scanHostKeys(host.address, host.port);
  const keys = parseKnownHosts(lines);
  out.talk(`${name} (${spelling}) presents:`);
  for (const { type, key } of keys) out.talk(`  ${fingerprint(key)} ${type}`);
  out.talk('Compare with the host itself: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub');
  if (!yes && !(await confirmed(`Record this in ${file}? [y/N] `))) {
    throw new CommandError(
      exitCodes.failed,
      'The key was not recorded, so nothing will connect to this host.',
      {
        hint: 'When the fingerprint is right, run the command again with --yes.',
      },
    );
  }
  const gap = text === '' || text.endsWith('\n') ? '' : '\n';
  appendFileSync(file, gap + lines, { mode: 0o644 });
  out.lines([`recorded the key of ${spelling} in ${file}`]);
}

/** Only a person at a terminal can say yes. */
async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}

async function testLogin(configFile: string, name: string): Promise<void> {
  const { definitions } = loadOrThrow({ configFile });
  const host = definitions.hosts.get(name);
  if (host === undefined) return;
  const asked = await askOnce(definitions, host);
  if (asked.kind === 'result' && asked.result.state === 'ok') return;
  const [message, hint] =
    asked.kind === 'unreachable'
      ? [`${asked.failure.stage}: ${asked.failure.message}`, asked.failure.hint]
      : [asked.kind === 'result' ? asked.result.text : asked.reason, 'Try the same with ssh -v.'];
  throw new CommandError(exitCodes.failed, `The login at ${name} failed (${message}).`, { hint });
}

async function askOnce(
  definitions: Definitions,
  host: HostDefinition,
): ReturnType<ReturnType<typeof openAsker>['ask']> {
  const asker = openAsker(definitions);
  try {
    return await asker.ask(host, loginCheck);
  } finally {
    await asker.close();
  }
}

const loginCheck: CheckDefinition = {
  id: 'init.login',
  runbook: 'init',
  name: 'login',
  probe: { kind: 'command', run: 'true' },
  timing: { kind: 'interval', everyMs: loginTimeoutMs },
  timeoutMs: loginTimeoutMs,
  maxAttempts: 1,
  runOn: { kind: 'target' },
  exitMap: {},
  dependsOn: [],
  flapping: null,
  env: {},
  batch: true,
  source: { file: '', line: 1, column: 1 },
};
