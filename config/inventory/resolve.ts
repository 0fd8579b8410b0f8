/**
 * Owns the way from the `inventories:` list of hosts files to sources of hosts: what their keys mean together, paths,
 * names. It reads and runs none of them.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { InventorySource, Json } from '../../core/sources.ts';
import { formatPlace, type ProblemList } from '../problems.ts';
import type { SecretReader } from '../secrets.ts';
import { readFailure } from '../source-text.ts';
import { keyPlace, placeOf, type Tree } from '../yaml-tree.ts';
import { hasUnknownKey, kindOf, readPartly } from '../zod-problems.ts';
import { type InventoryInput, inventorySchema } from './schema.ts';

const kinds = ['file', 'exec', 'http', 'dns_srv', 'ssh_config'] as const;
type Kind = (typeof kinds)[number];

/** Sources in all. */
const sourcesLimit = 100;

interface Context {
  directory: string;
  secrets: SecretReader;
  problems: ProblemList;
}

/**
 * The sources that are right; the reasons against the others are among the problems. `tree` is the merged list,
 * `directory` that of the definitions: relative paths begin there, and programs run there.
 */
export function resolveInventories(
  tree: Tree,
  directory: string,
  secrets: SecretReader,
  problems: ProblemList,
): InventorySource[] {
  if (!Array.isArray(tree.value)) {
    problems.add(
      tree.place,
      `\`inventories\`: expected a list, not ${kindOf(tree.value)}`,
      'write `- { file: ./inventories/hosts.ini }` lines',
    );
    return [];
  }
  const byName = new Map<string, InventorySource>();
  for (const { tree: entry } of tree.entries.values()) {
    const source = resolveOne(entry, { directory, secrets, problems });
    if (source === undefined) continue;
    const earlier = byName.get(source.name);
    if (earlier === undefined) byName.set(source.name, source);
    else {
      const hint = `it is also that of ${formatPlace(earlier.source)}; give one a \`name\``;
      problems.add(entry.place, `the inventory \`${source.name}\` is there twice`, hint);
    }
  }
  if (byName.size > sourcesLimit)
    problems.add(tree.place, `there are more than ${sourcesLimit} inventories`, 'join some of them');
  return [...byName.values()];
}

function resolveOne(tree: Tree, context: Context): InventorySource | undefined {
  const { problems } = context;
  const { whole, parts } = readPartly(inventorySchema, tree, 'inventory', problems);
  const written = kinds.filter((kind) => tree.entries.has(kind));
  const [kind] = written;
  if (kind === undefined || written.length > 1) {
    const message = kind === undefined ? 'says nothing of where hosts come from' : `has ${list(written)}`;
    const hint = 'write one of `file`, `exec`, `http`, `dns_srv` and `ssh_config`';
    if (kind !== undefined || !hasUnknownKey(inventorySchema, tree))
      problems.add(tree.place, `this inventory ${message}`, hint);
    return undefined;
  }
  checkUseless(kind, tree, problems);
  const found = problems.problems.length;
  const from = fromOf(kind, parts, tree, context);
  if (whole === undefined || from === undefined || problems.problems.length > found) return undefined;
  return {
    name: whole.name ?? nameOf(kind, whole),
    from,
    format: whole.format,
    everyMs: whole.every,
    timeoutMs: whole.timeout,
    expireMs: whole.expire,
    vanishPercent: whole.vanish,
    labels: whole.labels,
    vars: whole.vars as Record<string, Json>,
    source: tree.place,
  };
}

function list(words: readonly string[]): string {
  return words.map((each) => `\`${each}\``).join(' and ');
}

function checkUseless(kind: Kind, tree: Tree, problems: ProblemList): void {
  const useless = [
    ...(kind === 'exec' ? [] : ['args']),
    ...(kind === 'dns_srv' || kind === 'ssh_config' ? ['format'] : []),
  ];
  for (const key of useless.filter((each) => tree.entries.has(each)))
    problems.add(keyPlace(tree, key), `\`${key}\` means nothing beside \`${kind}\``, 'delete it');
}

function fromOf(
  kind: Kind,
  parts: Partial<InventoryInput>,
  tree: Tree,
  { directory, secrets, problems }: Context,
): InventorySource['from'] | undefined {
  const place = placeOf(tree, [kind]);
  if (kind === 'dns_srv') return parts.dns_srv === undefined ? undefined : { kind, record: parts.dns_srv };
  if (kind === 'http') {
    const url = parts.http && secrets.read(parts.http, 'url', 'http', place);
    return url && { kind, url };
  }
  const written = parts[kind];
  if (written === undefined) return undefined;
  const path = pathOf(directory, written);
  if (kind !== 'exec') return { kind, path };
  const wrong = programProblem(path);
  // A program of the ops box itself need not be where the definitions are only judged.
  if (wrong !== undefined && isAbsolute(written))
    problems.warn(place, `\`exec\`: ${path} ${wrong[0]}`, wrong[1]);
  else if (wrong !== undefined) problems.add(place, `\`exec\`: ${path} ${wrong[0]}`, wrong[1]);
  return { kind, path, args: parts.args ?? ['--list'] };
}

function pathOf(directory: string, written: string): string {
  if (written === '~' || written.startsWith('~/')) return join(homedir(), written.slice(1));
  return resolve(directory, written);
}

function programProblem(path: string): [message: string, hint: string] | undefined {
  try {
    if (!statSync(path).isFile()) return ['is not a regular file', 'give the path of a program'];
  } catch (error) {
    return [readFailure(error)[0], 'relative paths begin at the definitions directory'];
  }
  try {
    accessSync(path, constants.X_OK);
    return undefined;
  } catch (error) {
    readFailure(error);
    return ['cannot be executed', `run: chmod +x ${path}`];
  }
}

/** As it is written, so that it is the same on every machine; of a URL without what may be secret. */
function nameOf(kind: Kind, input: InventoryInput): string {
  if (kind === 'http') return publicUrl(input.http?.reference ?? '');
  return input[kind] ?? '';
}

/** Without user, password, query and fragment. References stay as they are written. */
function publicUrl(written: string): string {
  return written.replace(/[?#].*$/s, '').replace(/^([a-z]+:\/\/)[^/]*@/i, '$1');
}
