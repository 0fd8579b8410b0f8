/** `mendd init`: writes a commented start that is valid as it stands, and adds hosts. It never overwrites a file. */
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { addCommand } from './command.ts';
import { usageError } from './exit.ts';
import { writeNew } from './new-file.ts';
import { Output } from './output.ts';
import { type CiKind, ciFile, type ScaffoldFile, scaffold } from './scaffold.ts';
import type { LoginKey, SshSettings } from './ssh-tools.ts';

interface InitOptions {
  host?: string;
  yes: boolean;
  ci: CiKind | 'none';
}

export function addInit(program: Command): void {
  addCommand(program, 'init [directory]', 'write a commented start, or add a host to it; never overwrites', [
    'init ./ops',
    'init ./ops --host web-1        # as `ssh web-1` would reach it; shows the fingerprint, tests the login',
    'init ./ops --ci gitlab         # with a pipeline for GitLab, in place of one for GitHub',
  ])
    .option('--host <name>', 'add this host from your ssh settings, record its key, test the login')
    .option('--yes', 'record the key without asking; compare the fingerprint yourself', false)
    .addOption(
      new Option('--ci <service>', 'write what checks each change there')
        .choices(['github', 'gitlab', 'none'])
        .default('github'),
    )
    .action(init);
}

async function init(directory: string | undefined, options: InitOptions): Promise<void> {
  const root = directory ?? '.';
  const out = new Output();
  if (options.yes && options.host === undefined) throw usageError('--yes answers the question of --host.');
  const settings = options.host === undefined ? undefined : await readSettings(options.host);
  if (options.host === undefined || settings === undefined) {
    await writeScaffold(root, undefined, options.ci, out);
    out.talk(`Next: cd ${root} && mendd validate && mendd check ops-box`);
    return;
  }
  const host = { name: options.host, configFile: join(root, 'mendd.yaml'), settings, yes: options.yes, out };
  const { addHost, prepareLogin } = await import('./init-host.ts');
  // Whatever cannot work is told before anything is written.
  prepareLogin(host);
  await writeScaffold(root, settings.login, options.ci, out);
  await addHost(host);
}

async function writeScaffold(
  root: string,
  login: LoginKey | undefined,
  ci: InitOptions['ci'],
  out: Output,
): Promise<void> {
  const files = [...scaffold(login), ...(ci === 'none' ? [] : [ciFile(ci)]), ...(await schemaFiles())];
  for (const file of files) {
    const path = join(root, file.path);
    out.lines([`${writeNew(path, file) ? 'created' : 'kept   '} ${path}`]);
  }
}

/** What the first line of each YAML file names, for editors. */
async function schemaFiles(): Promise<ScaffoldFile[]> {
  const { jsonSchema, schemaNames } = await import('../config/json-schema.ts');
  return schemaNames.map((name) => ({
    path: `.mendd/${name}.schema.json`,
    text: `${JSON.stringify(jsonSchema(name), null, 2)}\n`,
  }));
}

async function readSettings(host: string): Promise<SshSettings> {
  const { readSshSettings } = await import('./ssh-tools.ts');
  return readSshSettings(host);
}
