/** `mendd init`: writes a commented start that is valid as it stands, and adds hosts. It never overwrites a file. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { addCommand } from './command.ts';
import { usageError } from './exit.ts';
import { writeNew } from './new-file.ts';
import { Output } from './output.ts';
import { scaffold } from './scaffold.ts';
import type { LoginKey, SshSettings } from './ssh-tools.ts';

interface InitOptions {
  host?: string;
  yes: boolean;
}

export function addInit(program: Command): void {
  addCommand(program, 'init [directory]', 'write a commented start, or add a host to it; never overwrites', [
    'init ./ops',
    'init ./ops --host web-1        # as `ssh web-1` would reach it; shows the fingerprint, tests the login',
  ])
    .option('--host <name>', 'add this host from your ssh settings, record its key, test the login')
    .option('--yes', 'record the key without asking; compare the fingerprint yourself', false)
    .action(init);
}

async function init(directory: string | undefined, options: InitOptions): Promise<void> {
  const root = directory ?? '.';
  const out = new Output();
  if (options.yes && options.host === undefined) throw usageError('--yes answers the question of --host.');
  const settings = options.host === undefined ? undefined : await readSettings(options.host);
  if (options.host === undefined || settings === undefined) {
    writeScaffold(root, undefined, out);
    out.talk(`Next: cd ${root} && mendd validate && mendd check ops-box`);
    return;
  }
  const host = { name: options.host, configFile: join(root, 'mendd.yaml'), settings, yes: options.yes, out };
  const { addHost, prepareLogin } = await import('./init-host.ts');
  // Whatever cannot work is told before anything is written.
  prepareLogin(host);
  writeScaffold(root, settings.login, out);
  await addHost(host);
}

function writeScaffold(root: string, login: LoginKey | undefined, out: Output): void {
  for (const file of scaffold(login)) {
    const path = join(root, file.path);
    out.lines([`${writeNew(path, file) ? 'created' : 'kept   '} ${path}`]);
  }
}

async function readSettings(host: string): Promise<SshSettings> {
  const { readSshSettings } = await import('./ssh-tools.ts');
  return readSshSettings(host);
}
