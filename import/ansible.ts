/**
 * Owns carrying an Ansible inventory over: hosts with how they are reached, their groups as labels, their variables; or,
 * with `keep`, a source that reads the inventory where it is. What its words mean is known in config/inventory/.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isPlainMap, type PlainMap } from '../config/inventory/plain-data.ts';
import { readInventoryPath, readVarsBeside } from '../config/inventory/read-path.ts';
import { readInventory } from '../config/inventory/read-text.ts';
import type { InventoryReading, Note } from '../config/inventory/reading.ts';
import type { FoundHost, Json } from '../core/sources.ts';
import { ansibleFiles, type SourceFile } from './ansible-files.ts';
import { Notebook } from './notebook.ts';
import { ImportError, type Imported, type ImportOptions } from './report.ts';
import { type YamlValue, yamlText } from './yaml-text.ts';

/** One answer of a dynamic inventory script. */
const programLimits = { timeoutMs: 120_000, outputBytes: 16_777_216 } as const;

export function importAnsible(path: string, { keep }: ImportOptions): Imported {
  const isProgram = isScript(path);
  const reading = isProgram ? readProgram(path) : readInventoryPath({ path, format: 'ansible' });
  if (!reading.ok) {
    const { message, hint, file, line } = reading.refusal;
    const place = `${file ?? path}${line === undefined ? '' : `:${line}`}`;
    throw new ImportError(`${place}: ${message}`, `${hint.charAt(0).toUpperCase()}${hint.slice(1)}.`);
  }
  if (reading.hosts.length === 0)
    throw new ImportError(`${path} has no hosts`, 'Name an inventory of Ansible.');
  const notes = new Notebook();
  const files = ansibleFiles(path);
  for (const warning of reading.warnings) noteWarning(notes, warning, files);
  const jumps = missingJumps(reading.hosts, notes, files);
  const counts = { hosts: reading.hosts.length + jumps.length, groups: groupsOf(reading.hosts).size };
  if (keep === true) {
    const source = isProgram ? { exec: resolve(path) } : { file: resolve(path) };
    const hosts = jumps.length === 0 ? {} : { hosts: Object.fromEntries(jumps.map((name) => [name, {}])) };
    const kept = { ...hosts, inventories: [{ ...source, format: 'ansible' }] };
    return imported(
      yamlText('Hosts of an inventory of Ansible, read from where it is.', kept),
      notes,
      counts,
    );
  }
  if (isProgram) {
    const hint = 'import it with --keep, and it is asked again from time to time';
    const message = 'what this program tells is written down as it is now';
    notes.note({ file: files[0]?.name ?? path, line: 1 }, 'check', message, hint);
  }
  return imported(hostsFile(path, reading.hosts, jumps), notes, counts);
}

function imported(text: string, notes: Notebook, counts: Record<string, number>): Imported {
  return { files: new Map([['hosts/ansible.yaml', text]]), notes: notes.close(), counts };
}

function isScript(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    return false;
  }
  const [first] = ansibleFiles(path);
  return first !== undefined && first.path === path && /^(#!|\x7fELF)/.test(first.text);
}

/** As Ansible itself asks it. */
function readProgram(path: string): InventoryReading {
  const input = { format: 'ansible', isScript: true, ...readVarsBeside(dirname(path)) } as const;
  const text = run(path, ['--list']);
  const first = readInventory({ ...input, text });
  if (!first.ok || first.askHosts === undefined) return first;
  const hostVars = new Map<string, PlainMap>();
  for (const host of first.askHosts) {
    hostVars.set(host, varsOf(run(path, ['--host', host]), `${path} --host ${host}`));
  }
  return readInventory({ ...input, text, hostVars });
}

/** Errors: ImportError. */
function varsOf(answer: string, command: string): PlainMap {
  try {
    const data: unknown = answer.trim() === '' ? {} : JSON.parse(answer);
    if (isPlainMap(data)) return data;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new ImportError(`${command} prints no map of variables`, 'Mend it, or name a file of hosts.');
}

/** Errors: ImportError. */
function run(path: string, args: readonly string[]): string {
  const { timeoutMs: timeout, outputBytes: maxBuffer } = programLimits;
  const done = spawnSync(resolve(path), args, { timeout, maxBuffer, stdio: ['ignore', 'pipe', 'inherit'] });
  if (done.status === 0) return done.stdout.toString('utf8');
  const why =
    done.error?.message ??
    (done.status === null ? `it was ended by ${done.signal}` : `exit code ${done.status}`);
  throw new ImportError(`${path} ${args.join(' ')} failed: ${why}`, 'Mend it, or name a file of hosts.');
}

function groupsOf(hosts: readonly FoundHost[]): Set<string> {
  return new Set(hosts.flatMap(({ labels }) => Object.keys(labels)));
}

/** Hosts on the way that nobody wrote down; they are hosts all the same. */
function missingJumps(hosts: readonly FoundHost[], notes: Notebook, files: readonly SourceFile[]): string[] {
  const names = new Set(hosts.map(({ name }) => name));
  const jumps = new Set(hosts.flatMap(({ jump }) => jump ?? []).filter((jump) => !names.has(jump)));
  for (const jump of jumps) {
    const message = `the jump host \`${jump}\` is not in the inventory, and is one of the hosts here`;
    notes.note(placeOf(jump, files), 'check', message, 'look whether its user and port are right');
  }
  return [...jumps];
}

/** What all hosts have in common stands once, under `defaults`. */
function hostsFile(path: string, hosts: readonly FoundHost[], jumps: readonly string[]): string {
  const clean = [...hosts, ...jumps.map(bareHost)].map((host) => ({
    ...host,
    vars: withoutNulls(host.vars),
  }));
  const [first] = clean;
  const isShared = (value: unknown, of: (host: FoundHost) => unknown): boolean =>
    hosts.length > 1 &&
    clean.slice(0, hosts.length).every((host) => JSON.stringify(of(host)) === JSON.stringify(value));
  const user =
    first?.user !== undefined && isShared(first.user, (host) => host.user) ? first.user : undefined;
  const port =
    first?.port !== undefined && isShared(first.port, (host) => host.port) ? first.port : undefined;
  const vars = Object.entries(first?.vars ?? {}).filter(([name, value]) =>
    isShared(value, (host) => host.vars[name]),
  );
  const shared = new Set(vars.map(([name]) => name));
  const defaults = some({ user, port, vars: some(Object.fromEntries(vars)) });
  const written = clean.map((host) => {
    const own = Object.entries(host.vars).filter(([name]) => !shared.has(name));
    const { address, transport, jump, labels } = host;
    const value = {
      address,
      port: port === undefined ? host.port : undefined,
      user: user === undefined ? host.user : undefined,
      transport,
      jump,
      labels: some(labels),
      vars: some(Object.fromEntries(own)),
    };
    return [host.name, some(value) ?? {}] as const;
  });
  const document = { ...(defaults === undefined ? {} : { defaults }), hosts: Object.fromEntries(written) };
  return yamlText(`Imported from ${path.replaceAll(/\s+/g, ' ')}; groups are labels.`, document as YamlValue);
}

/** A hosts file has no nulls; they say nothing. */
function withoutNulls<T extends Json>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value))
    return (value as readonly Json[]).filter((item) => item !== null).map(withoutNulls) as unknown as T;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutNulls(item)])) as T;
}

function bareHost(name: string): FoundHost {
  return { name, labels: {}, vars: {} };
}

/** A map without what is absent; undefined when nothing is left. */
function some(map: Readonly<Record<string, Json | undefined>>): Record<string, Json> | undefined {
  const entries = Object.entries(map).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function noteWarning(notes: Notebook, { message, line, file }: Note, files: readonly SourceFile[]): void {
  // Told of the jump host itself.
  if (message.includes('is not in this inventory')) return;
  const named = /`([^`]+)`/.exec(message)?.[1] ?? '';
  const found = placeOf(named, files);
  const place = line === undefined ? found : { file: file ?? found.file, line };
  const level = /^the group .* is the label/.test(message)
    ? 'changed'
    : /goes through/.test(message)
      ? 'check'
      : 'left_out';
  notes.note(place, level, message);
}

/** Where a name first stands, or the top of the first file. */
function placeOf(name: string, files: readonly SourceFile[]): { file: string; line: number } {
  for (const { name: file, text } of name === '' ? [] : files) {
    const at = text.indexOf(name);
    if (at !== -1) return { file, line: text.slice(0, at).split('\n').length };
  }
  return { file: files[0]?.name ?? '.', line: 1 };
}
