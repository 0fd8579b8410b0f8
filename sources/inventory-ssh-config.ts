/**
 * Finds the hosts of an ssh_config: its aliases without wildcards, with the files it includes; what they mean is asked of
 * `ssh -G`. Source: ssh_config(5).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FoundHost } from '../core/sources.ts';
import { type ProgramRequest, runProgram } from './inventory-program.ts';
import { SshConfigFiles } from './inventory-ssh-files.ts';

export interface SshConfigRequest extends Pick<ProgramRequest, 'clock' | 'timeoutMs' | 'signal'> {
  path: string;
}

export type SshConfigAnswer =
  | { ok: true; hosts: readonly FoundHost[]; warnings: readonly string[] }
  | { ok: false; problem: string };

const aliasesLimit = 10_000;
/** What ssh is told to fall back to, to see that nobody sets a user: otherwise it names whoever asks. */
const noUser = 'mendd-no-user';
/** `ssh -G` at once. */
const parallel = 4;

/** Never rejects for what stands in the files. */
export async function readSshConfig(request: SshConfigRequest): Promise<SshConfigAnswer> {
  const files = new SshConfigFiles();
  const wrong = files.read(request.path);
  if (wrong !== undefined) return { ok: false, problem: wrong };
  const { aliases } = files;
  if (aliases.size > aliasesLimit)
    return { ok: false, problem: `it has more than ${aliasesLimit.toLocaleString('en-US')} aliases` };
  const directory = mkdtempSync(join(tmpdir(), 'mendd-ssh-config-'));
  try {
    const asked = join(directory, 'config');
    writeFileSync(asked, `Include "${request.path}"\nMatch all\n  User ${noUser}\n`, { mode: 0o600 });
    return await askAll(aliases, files.warnings, { ...request, path: asked });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function askAll(
  aliases: ReadonlySet<string>,
  noted: readonly string[],
  request: SshConfigRequest,
): Promise<SshConfigAnswer> {
  const { clock, timeoutMs } = request;
  const waiting = [...aliases];
  const hosts: FoundHost[] = [];
  const warnings = [...noted];
  const byTimeMs = clock.monotonicMs() + timeoutMs;
  let failed: string | undefined;
  const work = async (): Promise<void> => {
    for (let alias = waiting.pop(); alias !== undefined && failed === undefined; alias = waiting.pop()) {
      const leftMs = byTimeMs - clock.monotonicMs();
      const told: Settings =
        leftMs > 0
          ? await settingsOf(alias, { ...request, timeoutMs: leftMs })
          : { ok: false, problem: `it did not end within ${Math.round(timeoutMs / 1000)} s` };
      if (told.ok) hosts.push(hostOf(alias, told.settings, aliases, warnings));
      else failed = `ssh -G ${alias}: ${told.problem}`;
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  if (failed !== undefined) return { ok: false, problem: failed };
  hosts.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { ok: true, hosts, warnings: [...new Set(warnings)] };
}

type Settings = { ok: true; settings: ReadonlyMap<string, string> } | { ok: false; problem: string };

async function settingsOf(
  alias: string,
  { path, clock, timeoutMs, signal }: SshConfigRequest,
): Promise<Settings> {
  const told = await runProgram({
    path: 'ssh',
    args: ['-G', '-F', path, '--', alias],
    directory: '/',
    clock,
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  });
  if (!told.ok) return told;
  const pairs = told.text.split('\n').map((line) => /^(\S+) (.*)$/.exec(line));
  const known = pairs.flatMap((pair) => (pair === null ? [] : [[pair[1] ?? '', pair[2] ?? ''] as const]));
  return { ok: true, settings: new Map(known) };
}

function hostOf(
  alias: string,
  settings: ReadonlyMap<string, string>,
  aliases: ReadonlySet<string>,
  warnings: string[],
): FoundHost {
  const [address, user, port] = [
    settings.get('hostname'),
    settings.get('user'),
    Number(settings.get('port') ?? 22),
  ];
  const through = settings.get('proxyjump');
  const hops = through === undefined || through === 'none' ? [] : through.split(',');
  const jump = hops
    .at(-1)
    ?.replace(/^ssh:\/\//, '')
    .replace(/^[^@]*@/, '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');
  const command = settings.get('proxycommand');
  if (jump !== undefined && !aliases.has(jump))
    warnings.push(
      `host \`${alias}\` goes through \`${jump}\`, which is no alias here and must be under \`hosts\``,
    );
  if (command !== undefined && command !== 'none')
    warnings.push(
      `host \`${alias}\` is reached by a ProxyCommand, which is not taken over; see \`ssh.config\``,
    );
  return {
    name: alias,
    ...(address === undefined || address === alias ? {} : { address }),
    ...(port === 22 ? {} : { port }),
    ...(user === undefined || user === noUser ? {} : { user }),
    ...(jump === undefined ? {} : { jump }),
    labels: {},
    vars: {},
  };
}
