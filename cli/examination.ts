/** What `mendd doctor` looks at: each finding is one sentence and, where something is wrong, what to do. It prints nothing. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { loadDefinitions } from '../config/load.ts';
import { formatProblem } from '../config/problems.ts';
import type { TlsFiles } from '../core/daemon-config.ts';
import type { Definitions } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import type { ApiClient } from './client.ts';
import { findDaemonFile } from './daemon-file.ts';
import { CommandError } from './exit.ts';
import { isDirectory } from './named-definitions.ts';

export interface Finding {
  /** `note`: nothing to mend, but worth knowing. */
  verdict: 'good' | 'bad' | 'note';
  what: string;
  todo?: string;
}

/** Node.js releases that package.json admits. */
const leastNode = [20, 19] as const;
/** Nothing of this program is older; a clock before it is wrong. */
const builtMs = Date.UTC(2026, 0, 1);
const shownNames = 10;

const good = (what: string): Finding => ({ verdict: 'good', what });
const note = (what: string, todo?: string): Finding => ({
  verdict: 'note',
  what,
  ...(todo === undefined ? {} : { todo }),
});
const bad = (what: string, todo: string): Finding => ({ verdict: 'bad', what, todo });

/** Node.js, the database driver, programs, the clock. */
export async function examineMachine(): Promise<Finding[]> {
  return [nodeVersion(), await databaseDriver(), ...programs(), await clock()];
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
  if (fits) return good(`Node.js ${process.version}`);
  return bad(`Node.js ${process.version} is too old.`, `Install ${leastNode.join('.')} or newer.`);
}

async function databaseDriver(): Promise<Finding> {
  const failure = await failureOf(async () => {
    const { assertDriver } = await import('../store/driver.ts');
    assertDriver();
  });
  return failure === undefined ? good('the database driver loads') : bad(failure.message, failure.hint);
}

function programs(): Finding[] {
  const wanted = [
    ['ssh', 'openssh-client', '`mendd init --host` reads your ssh settings with it'],
    ['ssh-keygen', 'openssh-client', '`mendd init --host` shows fingerprints with it'],
    ['systemd-notify', 'systemd', 'a systemd unit with Type=notify needs it'],
    ['git', 'git', 'definitions are best kept in it'],
  ] as const;
  return wanted.map(([name, source, why]) =>
    onPath(name)
      ? good(`${name} is installed`)
      : note(`${name} is not installed; ${why}`, `Install ${source}.`),
  );
}

function onPath(program: string): boolean {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  return directories.some(
    (directory) => directory !== '' && canAccess(join(directory, program), constants.X_OK),
  );
}

function canAccess(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

async function clock(): Promise<Finding> {
  const now = new Date();
  if (now.getTime() < builtMs)
    return bad(`The clock says ${now.toISOString()}.`, 'Set it; cooldowns and budgets are counted by it.');
  const synchronized = await answerOf('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
  if (synchronized !== 'no') return good(`the clock says ${now.toISOString()}`);
  return note('the clock is not synchronized', 'Run a time service such as systemd-timesyncd or chrony.');
}

/** First line of what a program printed; undefined when it is missing or failed. */
function answerOf(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 5_000 }, (error, stdout) =>
      resolve(error === null ? stdout.trim() : undefined),
    );
  });
}

/** The daemon file and everything it names. `daemonRuns`: a daemon holds the store. */
export async function examineDefinitions(
  named: string | undefined,
): Promise<{ findings: Finding[]; daemonRuns: boolean }> {
  try {
    const file = findDaemonFile(named);
    const loaded = loadDefinitions({ configFile: file });
    if (!loaded.ok) {
      const text = `${file} has problems:\n${loaded.problems.map(formatProblem).join('\n')}`;
      return {
        findings: [bad(text, 'Mend each place; `mendd validate` tells them again.')],
        daemonRuns: false,
      };
    }
    const { definitions } = loaded;
    const store = await examineStore(definitions.daemon.store.path);
    const warnings = loaded.warnings.map((warning) => note(formatProblem(warning)));
    const valid = good(`${file} is valid: revision ${definitions.revision}, ${definitions.hosts.size} hosts`);
    const tls = await examineTls(definitions.daemon.api.tls);
    const findings = [valid, ...warnings, ...store.findings, ...tls, ...(await examineSsh(definitions))];
    return { findings, daemonRuns: store.daemonRuns };
  } catch (error) {
    if (!(error instanceof MenddError)) throw error;
    return { findings: [bad(error.message, error.hint)], daemonRuns: false };
  }
}

async function examineStore(path: string): Promise<{ findings: Finding[]; daemonRuns: boolean }> {
  const directory = dirname(path);
  const none = (finding: Finding) => ({ findings: [finding], daemonRuns: false });
  if (!isDirectory(directory))
    return none(
      bad(
        `The store's directory ${directory} does not exist.`,
        `Run: install -d -m 0750 -o mendd ${directory}`,
      ),
    );
  if (!canAccess(directory, constants.W_OK)) {
    return none(
      bad(
        `${directory} cannot be written by this user.`,
        'Run as the user of the daemon (sudo -u mendd mendd doctor), or change its owner.',
      ),
    );
  }
  if (!existsSync(`${path}.lock`)) return none(good(`the store ${path} can be made`));
  const { acquireLock } = await import('../store/lock.ts');
  const failure = await failureOf(() => acquireLock(path).release());
  if (failure?.code === 'STORE_LOCKED')
    return { findings: [good(`a daemon uses ${path}`)], daemonRuns: true };
  return none(
    failure === undefined
      ? good(`the store ${path} is there, and no daemon uses it`)
      : bad(failure.message, failure.hint),
  );
}

async function examineTls(files: TlsFiles | undefined): Promise<Finding[]> {
  if (files === undefined) return [];
  const { certificateProblem } = await import('../daemon/api-places.ts');
  let expiry: string | undefined;
  const failure = await failureOf(() => {
    expiry = certificateProblem(files, Date.now());
  });
  if (failure !== undefined) return [bad(failure.message, failure.hint)];
  if (expiry !== undefined)
    return [bad(`In the API, ${expiry}.`, 'Renew it; mendd takes the new one by itself.')];
  return [good('the certificate of the API can be used')];
}

async function examineSsh(definitions: Definitions): Promise<Finding[]> {
  const { ssh } = definitions.daemon;
  const remote = [...definitions.hosts.values()].filter(({ transport }) => transport !== 'local');
  if (remote.length === 0) return [note('no host is reached over SSH')];
  const { createLogins } = await import('../runner/ssh-auth.ts');
  const failure = await failureOf(() => void createLogins(ssh, process.env['SSH_AUTH_SOCK']));
  const keys =
    failure !== undefined
      ? bad(failure.message, failure.hint)
      : ssh.identity === undefined && !ssh.agent
        ? bad('There is no SSH key.', 'Set ssh.identity in the daemon file, or ssh.agent: true.')
        : good('the SSH keys can be used');
  return [keys, await examineKnownHosts(definitions, remote)];
}

async function examineKnownHosts(
  { daemon: { ssh } }: Definitions,
  hosts: readonly { name: string; address: string; port: number }[],
): Promise<Finding> {
  const { hostSpelling, keysOf, parseKnownHosts } = await import('../runner/known-hosts.ts');
  const file = ssh.knownHosts;
  const learns = ssh.hostKeys === 'accept_new';
  if (!existsSync(file)) {
    return learns
      ? note(`${file} does not exist yet; the first key of each host is learnt`)
      : bad(
          `${file} does not exist, so no host is trusted.`,
          'Add the hosts with `mendd init --host NAME`, or ssh-keyscan.',
        );
  }
  if (!canAccess(file, constants.R_OK)) return bad(`${file} cannot be read.`, `Run: chown mendd ${file}`);
  const entries = parseKnownHosts(readFileSync(file, 'utf8'));
  const known = (address: string, port: number): boolean =>
    keysOf(entries, hostSpelling(address, port)).length > 0;
  const unknown = hosts.filter(({ address, port }) => !known(address, port) && !known(address, 22));
  if (unknown.length === 0) return good(`${file} knows all ${hosts.length} hosts`);
  const names = unknown.slice(0, shownNames).map(({ name }) => name);
  const list = unknown.length > shownNames ? [...names, `and ${unknown.length - shownNames} more`] : names;
  const text = `${file} does not know ${list.join(', ')}`;
  if (learns) return note(`${text}; their first keys are learnt`);
  const [first] = unknown;
  return bad(
    `${text}.`,
    `Compare fingerprints, then: ssh-keyscan -p ${first?.port} ${first?.address} >> ${file}`,
  );
}

/** `open` may fail: a token that is none, a daemon file that does not say where the API is. */
export async function examineApi(open: () => Promise<ApiClient>, daemonRuns: boolean): Promise<Finding[]> {
  let client: ApiClient;
  try {
    client = await open();
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof MenddError)) throw error;
    // The places were told with the daemon file.
    if (error instanceof MenddError && error.code === 'DEFINITIONS_INVALID') return [];
    return [bad(error.message, error.hint ?? '')];
  }
  return [await examineReadiness(client, daemonRuns)];
}

async function examineReadiness(client: ApiClient, daemonRuns: boolean): Promise<Finding> {
  try {
    const { problems = [] } = await client.get<{ problems?: string[] }>('/readyz');
    if (problems.length > 0)
      return bad(`The daemon at ${client.base} is ready, but: ${problems.join('; ')}`, 'Its log says more.');
    return good(`the daemon at ${client.base} is ready`);
  } catch (error) {
    if (error instanceof CommandError)
      return bad(`The daemon at ${client.base} is not ready: ${error.message}`, 'Its log says more.');
    if (!(error instanceof MenddError)) throw error;
    if (error.code !== 'DAEMON_UNREACHABLE' || daemonRuns) return bad(error.message, error.hint);
    return note(`no daemon runs at ${client.base}`, 'Start it with `mendd serve`.');
  }
}

async function failureOf(attempt: () => void | Promise<void>): Promise<MenddError | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    if (error instanceof MenddError) return error;
    throw error;
  }
}
