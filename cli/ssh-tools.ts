/** Asks OpenSSH's own programs: how the user's settings reach a host, and which keys it presents. It keeps nothing. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { hostNamePattern, hostNameRule } from '../config/names.ts';
import { exitCodes } from '../core/errors.ts';
import { CommandError, usageError } from './exit.ts';

export interface SshSettings {
  address: string;
  port: number;
  user: string;
  login?: LoginKey;
}

/** What logs in without asking a person: the path of a private key without passphrase, or the agent. */
export type LoginKey = { identity: string } | 'agent';

/** Milliseconds. */
const toolTimeoutMs = 20_000;
const outputBytes = 1_048_576;

/** As `ssh NAME` would connect. Errors: 64 for a name that is none or needs a jump host; 1 when ssh cannot say. */
export async function readSshSettings(name: string): Promise<SshSettings> {
  if (!hostNamePattern.test(name))
    throw usageError(`--host: \`${name}\` is no name of a host; ${hostNameRule}.`);
  const lines = (await run('ssh', ['-G', '--', name])).split('\n').map((line) => line.split(/ (.*)/));
  const value = (key: string): string | undefined => lines.find(([first]) => first === key)?.[1];
  const jump = value('proxyjump');
  if (jump !== undefined && jump !== 'none') {
    throw usageError(
      `Your ssh settings reach ${name} through ${jump}.`,
      'Add that host first, then write this one into a hosts file with `jump:`; both keys belong into known_hosts.',
    );
  }
  const identities = lines
    .filter(([key]) => key === 'identityfile')
    .map(([, path = '']) => path.replace(/^~(?=\/)/, homedir()));
  const login = await findLogin(identities);
  return {
    address: value('hostname') ?? name,
    port: Number(value('port') ?? 22),
    user: value('user') ?? 'root',
    ...(login === undefined ? {} : { login }),
  };
}

/** The first key of the settings that a program can use alone, else the agent when it holds one. */
async function findLogin(identities: readonly string[]): Promise<LoginKey | undefined> {
  for (const identity of identities.filter((path) => existsSync(path))) {
    const publicKey = await run('ssh-keygen', ['-y', '-P', '', '-f', identity]).catch(unlessBug);
    // A key on a token wants a touch.
    if (publicKey !== undefined && !publicKey.startsWith('sk-')) return { identity };
  }
  const held = process.env['SSH_AUTH_SOCK'] && (await run('ssh-add', ['-l']).catch(unlessBug));
  return held === undefined || held === '' ? undefined : 'agent';
}

function unlessBug(error: unknown): undefined {
  if (!(error instanceof CommandError)) throw error;
}

/** Lines for known_hosts. Errors: 1 when the host presents none. */
export async function scanHostKeys(address: string, port: number): Promise<string> {
  const text = await run('ssh-keyscan', ['-T', '10', '-p', String(port), '--', address]);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length > 0) return `${lines.join('\n')}\n`;
  throw new CommandError(exitCodes.failed, `${address} port ${port} presents no host key.`, {
    hint: 'Is its SSH server running, and can this machine reach it?',
  });
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: toolTimeoutMs, maxBuffer: outputBytes }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.code === 'ENOENT')
        reject(
          new CommandError(exitCodes.failed, `${program} is not installed.`, {
            hint: 'Install openssh-client.',
          }),
        );
      else {
        const said = stderr.trim() === '' ? error.message : stderr.trim();
        reject(new CommandError(exitCodes.failed, `${program} failed: ${said}`));
      }
    });
  });
}
