/**
 * Owns what Ansible's variables mean for mendd: how a host is reached, its labels, and the variables that are left for
 * templates. Which variables a host has is config/inventory/ansible-model.ts.
 */
import type { FoundHost, Json } from '../../core/sources.ts';
import { labelPattern } from '../names.ts';
import type { Vars, WholeHost } from './ansible-model.ts';
import { type Notes, shown } from './reading.ts';
import { splitShellWords } from './shell-words.ts';

/** Groups become labels `group/NAME`. */
const labelPrefix = 'group/';
const labelLength = 63;

const sshConnections = new Set(['ssh', 'smart', 'paramiko', 'paramiko_ssh', 'openssh']);

/** What changes how a host is reached, or is secret, and has another place in mendd. */
const notTaken: ReadonlyMap<string, string> = new Map([
  ['ansible_ssh_private_key_file', 'set `ssh.identity` in the daemon file'],
  ['ansible_private_key_file', 'set `ssh.identity` in the daemon file'],
  ['ansible_password', 'mendd logs in with keys'],
  ['ansible_ssh_pass', 'mendd logs in with keys'],
  ['ansible_ssh_password', 'mendd logs in with keys'],
  ['ansible_ssh_private_key', 'set `ssh.identity` in the daemon file'],
  ['ansible_ssh_executable', 'set `transport: openssh`'],
  ['ansible_host_key_checking', 'host keys are always checked'],
  ['ansible_ssh_host_key_checking', 'host keys are always checked'],
  ['ansible_become_password', '`sudo` must work without a password'],
  ['ansible_become_pass', '`sudo` must work without a password'],
  ['ansible_sudo_pass', '`sudo` must work without a password'],
]);

const argumentKeys = ['ansible_ssh_common_args', 'ansible_ssh_extra_args', 'ansible_ssh_args'];

/** Hosts that mendd can reach; why others are not among them is noted. */
export function ansibleHosts(hosts: readonly WholeHost[], notes: Notes): FoundHost[] {
  const names = new Map(hosts.map(({ name }) => [name, name]));
  for (const { name, vars } of hosts) {
    const address = addressOf(name, vars);
    if (address !== undefined && !names.has(address)) names.set(address, name);
  }
  const labels = new Map<string, Record<string, string>>();
  return hosts.flatMap((host) => {
    const key = host.groups.join('\n');
    const groupLabels = labels.get(key) ?? labelsOf(host.groups, notes);
    labels.set(key, groupLabels);
    return ansibleHost(host, groupLabels, names, notes) ?? [];
  });
}

/** Names that differ only in what a label cannot hold would become one, which is told. */
function labelsOf(groups: readonly string[], notes: Notes): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const group of groups) {
    const label = `${labelPrefix}${group.replace(/[^A-Za-z0-9._/-]/g, '_')}`.slice(0, labelLength);
    if (label !== `${labelPrefix}${group}` || !labelPattern.test(label))
      notes.add(`the group ${shown(group)} is the label ${shown(label)}`);
    labels[label] = 'true';
  }
  return labels;
}

function ansibleHost(
  { name, vars }: WholeHost,
  labels: Record<string, string>,
  names: ReadonlyMap<string, string>,
  notes: Notes,
): FoundHost | undefined {
  const connection = text(vars['ansible_connection'])?.replace(/^ansible\.(builtin|netcommon|windows)\./, '');
  if (connection !== undefined && connection !== 'local' && !sshConnections.has(connection)) {
    notes.ofHost(name, `is reached by ${shown(connection)}, which mendd cannot, and left out`);
    return undefined;
  }
  const kept = Object.entries(vars).filter(([key]) => !key.startsWith('ansible_'));
  const common = { name, labels, vars: Object.fromEntries(kept) };
  if (connection === 'local') return { ...common, transport: 'local' };
  const address = addressOf(name, vars);
  if (address?.includes('{{')) {
    notes.ofHost(name, '`ansible_host` is a template, which is not read here; the host is left out');
    return undefined;
  }
  const port = portOf(vars, name, notes);
  const user =
    text(vars['ansible_user']) ?? text(vars['ansible_ssh_user']) ?? text(vars['ansible_remote_user']);
  const jump = jumpOf(vars, name, names, notes);
  for (const [key, instead] of notTaken) {
    if (Object.hasOwn(vars, key)) notes.ofHost(name, `\`${key}\` is not taken over; ${instead}`);
  }
  return {
    ...common,
    ...(address === undefined ? {} : { address }),
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(jump === undefined ? {} : { jump }),
  };
}

function addressOf(name: string, vars: Vars): string | undefined {
  const written = text(vars['ansible_host']) ?? text(vars['ansible_ssh_host']);
  // The one template that people write there, and that needs no engine.
  return written?.replaceAll(/\{\{\s*inventory_hostname\s*\}\}/g, name);
}

function portOf(vars: Vars, name: string, notes: Notes): number | undefined {
  const written = vars['ansible_port'] ?? vars['ansible_ssh_port'];
  if (written === undefined || written === null || written === '') return undefined;
  const port = Number(written);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  notes.ofHost(name, '`ansible_port` is no port, and left out');
  return undefined;
}

/** The nearest of the hosts on the way, by its name here when it has one. */
function jumpOf(
  vars: Vars,
  name: string,
  names: ReadonlyMap<string, string>,
  notes: Notes,
): string | undefined {
  let jump: string | undefined;
  for (const key of argumentKeys) {
    const written = text(vars[key]);
    if (written === undefined) continue;
    const words = splitShellWords(written);
    const { hops, others } =
      'problem' in words ? { hops: undefined, others: true } : readArguments(words.value);
    if (others) notes.ofHost(name, `\`${key}\` holds more than a jump host, which is not taken over`);
    jump = hops ?? jump;
  }
  if (jump === undefined || jump === 'none') return undefined;
  const hops = jump.split(',').map((hop) =>
    hop
      .replace(/^ssh:\/\//, '')
      .replace(/^[^@]*@/, '')
      .replace(/:\d+$/, ''),
  );
  const nearest = hops.at(-1) ?? '';
  const known = names.get(nearest);
  if (hops.length > 1)
    notes.ofHost(name, `goes through several hosts; each needs the one before it as its own \`jump\``);
  if (known === undefined)
    notes.ofHost(
      name,
      `goes through ${shown(nearest)}, which is not in this inventory and must be under \`hosts\``,
    );
  return known ?? nearest;
}

/** `-J a,b`, `-o ProxyJump=a`, and the ProxyCommand that means the same: `ssh -W %h:%p a`. */
function readArguments(words: readonly string[]): { hops?: string; others: boolean } {
  let hops: string | undefined;
  let others = false;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const joined = /^-[oJ]$/.test(word) ? `${word}${words[((at += 1))] ?? ''}` : word;
    const found =
      /^-J(.+)$/.exec(joined)?.[1] ??
      /^-oProxyJump[= ]\s*(.+)$/i.exec(joined)?.[1] ??
      /^-oProxyCommand[= ]\s*"?ssh\s(?=.*-W\s*\[?%h\]?:%p)(?:-\S+\s+|\[?%h\]?:%p\s+)*([^\s"-]\S*?)"?$/i.exec(
        joined,
      )?.[1];
    if (found === undefined) others = true;
    else hops = found;
  }
  return { ...(hops === undefined ? {} : { hops }), others };
}

/** Text, or a number as a text; nothing for what is empty. */
function text(value: Json | undefined): string | undefined {
  const written = typeof value === 'number' ? String(value) : value;
  return typeof written === 'string' && written !== '' ? written : undefined;
}
