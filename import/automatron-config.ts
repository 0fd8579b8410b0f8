/** Owns config.yml of Automatron: logins, the way to the hosts, the hosts it lists. Keys and passwords are never copied. */
import { isRecord, readPlainYaml, textsOf } from './automatron-source.ts';
import type { ImportNote, NoteLevel } from './report.ts';

export interface AutomatronConfig {
  runbookPath: string | undefined;
  pluginPath: string | undefined;
  /** Login names by the name of their credentials. */
  logins: ReadonlyMap<string, string>;
  /** Address of the host that all others are reached through. */
  gateway: string | undefined;
  /** Addresses of the roster. */
  roster: readonly string[];
  notes: readonly ImportNote[];
}

const discoveryHints: Record<string, string> = {
  webping: 'list hosts in hosts/, or let them register: POST /api/v1/register',
  aws: 'under `inventories:`, `exec:` an Ansible inventory script such as aws_ec2',
  digitalocean: 'under `inventories:`, `exec:` an Ansible inventory script for it',
  linode: 'under `inventories:`, `exec:` an Ansible inventory script for it',
  nmap: 'list the hosts, or `exec:` a script under `inventories:` that prints them',
};

const loginPattern = /^[A-Za-z_][A-Za-z0-9._@-]{0,63}$/;
const addressPattern = /^[A-Za-z0-9_][A-Za-z0-9._:%-]{0,252}$/;

const ownSections = ['datastore', 'logging', 'web'];

/** `file`: as notes name it. */
export function readConfig(text: string, file: string): AutomatronConfig {
  const { value, lineOf, problems } = readPlainYaml(text);
  const notes: ImportNote[] = problems.map(({ line, message }) => ({ file, line, level: 'check', message }));
  const note = (path: readonly string[], level: NoteLevel, message: string, hint?: string): void => {
    notes.push({ file, line: lineOf(path), level, message, ...(hint === undefined ? {} : { hint }) });
  };
  const config = isRecord(value) ? value : {};
  const logins = new Map<string, string>();
  let gateway: string | undefined;
  for (const [path, credentials] of credentialsOf(config)) {
    const name = path.at(-1) === 'ssh' ? 'default' : (path.at(-1) ?? '');
    const user = credentials['user'];
    if (typeof user === 'string' && loginPattern.test(user)) logins.set(name, user);
    else if (user !== undefined) note([...path, 'user'], 'check', 'this login name cannot be used');
    const through = credentials['gateway'];
    if (
      name === 'default' &&
      typeof through === 'string' &&
      /^([^@]*@)?[\w.-]{1,250}(:\d{1,4})?$/.test(through)
    )
      gateway = through;
    else if (name !== 'default' && typeof through === 'string')
      note(
        [...path, 'gateway'],
        'left_out',
        `the gateway of \`${name}\` is not carried over`,
        'set `jump` of its hosts',
      );
    if (credentials['key'] === undefined || credentials['key'] === null) continue;
    const reference = `\${file:/etc/mendd/automatron_${name.replaceAll(/\W+/g, '_')}_key}`;
    const words =
      name === 'default'
        ? `the private key is not copied; put it into a file and set \`ssh.identity: ${reference}\` in mendd.yaml`
        : `the private key of \`${name}\` is not copied; mendd logs in with one key, and uses \`sudo\` there`;
    note([...path, 'key'], name === 'default' ? 'check' : 'left_out', words);
  }
  if (logins.size > 0)
    note(
      ['ssh' in config ? 'ssh' : 'credentials'],
      'check',
      'Automatron accepted any host key; mendd wants them in known_hosts',
      'ssh-keyscan, or `host_keys: accept_new`',
    );
  for (const section of ownSections)
    if (section in config) note([section], 'left_out', `\`${section}\` is about Automatron itself`);
  const discovery = isRecord(config['discovery']) ? config['discovery'] : {};
  const plugins = isRecord(discovery['plugins']) ? discovery['plugins'] : {};
  let roster: string[] = [];
  for (const [name, settings] of Object.entries(plugins)) {
    const path = ['discovery', 'plugins', name];
    if (name === 'roster') roster = isRecord(settings) ? textsOf(settings['hosts']) : [];
    else {
      const hint = discoveryHints[name] ?? 'list the hosts, or `exec:` a script under `inventories:`';
      note(path, 'check', `hosts that \`${name.slice(0, 40)}\` finds are not known here`, hint);
    }
  }
  return {
    runbookPath: textOf(config['runbook_path']),
    pluginPath: textOf(config['plugin_path']),
    logins,
    gateway,
    roster: roster.filter((address) => addressPattern.test(address)),
    notes,
  };
}

function* credentialsOf(
  config: Record<string, unknown>,
): Iterable<[path: string[], credentials: Record<string, unknown>]> {
  if (isRecord(config['credentials'])) {
    for (const [name, each] of Object.entries(config['credentials']))
      if (isRecord(each)) yield [['credentials', name], each];
  }
  // As in Automatron, the older section wins.
  if (isRecord(config['ssh'])) yield [['ssh'], config['ssh']];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
