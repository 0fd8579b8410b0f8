/** Owns the import of Automatron as a whole: from its files to hosts, runbooks, plugins and facts of mendd. */
import { slug } from '../config/names.ts';
import { anyOf } from '../config/selectors.ts';
import { type AutomatronConfig, readConfig } from './automatron-config.ts';
import { FactNames } from './automatron-facts.ts';
import { PluginTexts } from './automatron-plugins.ts';
import { type MadeRunbook, readRunbook } from './automatron-runbook.ts';
import { type FoundRunbook, findPlugins, findTree, readRunbooks, readText } from './automatron-tree.ts';
import { ImportError, type Imported, type ImportNote, type ImportOptions, sortNotes } from './report.ts';
import { type YamlValue, yamlText } from './yaml-text.ts';

/** Address that no host has, for hosts that nobody knows yet. Source: RFC 5737. */
const nowhere = '192.0.2.1';

export function importAutomatron(path: string, _options: ImportOptions): Imported {
  let config: AutomatronConfig = readConfig('', 'config.yml');
  const tree = findTree(path, (file) => {
    config = readConfig(readText(file) ?? '', file);
    return config.runbookPath;
  });
  const notes: ImportNote[] = config.notes.map((note) => ({
    ...note,
    file: note.file.slice(tree.root.length + 1),
  }));
  const directory = findPlugins(tree, config.pluginPath);
  const plugins = new PluginTexts(directory);
  const facts = new FactNames(plugins, directory);
  const found = readRunbooks(tree);
  notes.push(...found.notes);
  const made: (MadeRunbook & { from: FoundRunbook })[] = [];
  for (const from of found.runbooks) {
    const read = readRunbook(from, { plugins, logins: config.logins, names: facts.liquid });
    notes.push(...read.notes);
    if (read.made !== undefined) made.push({ ...read.made, from });
  }
  if (made.length === 0)
    throw new ImportError(
      `${path} holds no runbook that can be carried over`,
      'Name the directory that config/ and runbooks/ are in.',
    );
  const files = new Map<string, string>();
  const titles = new Set<string>();
  const selectors = made.map((each) => hostsOf(each, notes));
  const hosts = hostsFile(config, selectors.flat(), notes);
  files.set('hosts/automatron.yaml', yamlText(hostsHead, hosts.value));
  for (const [index, each] of made.entries())
    files.set(runbookPath(each.from.name, files), runbookText(each, selectors[index] ?? ['*'], titles));
  for (const [name, text] of plugins.files) files.set(`plugins/${name}`, text);
  for (const [name, text] of facts.files()) files.set(name, text);
  for (const name of facts.unasked()) {
    const message = 'no template asks for the facts of this vetting plugin, so it is left out';
    notes.push({ file: `plugins/vetting/${name}`, line: 1, level: 'left_out', message });
  }
  const count = (key: 'checks' | 'actions'): number =>
    made.reduce((sum, each) => sum + Object.keys(each[key]).length, 0);
  return {
    files,
    notes: sortNotes(notes),
    counts: { hosts: hosts.count, runbooks: made.length, checks: count('checks'), actions: count('actions') },
  };
}

/** The globs of init.yml, or those that the runbook itself names. */
function hostsOf({ nodes, from }: MadeRunbook & { from: FoundRunbook }, notes: ImportNote[]): string[] {
  const written = from.hosts.length > 0 ? from.hosts : nodes;
  const globs = written.map(globOf);
  const usable = globs.filter((glob) => glob !== undefined);
  if (usable.length < globs.length) {
    const message = 'a glob of its hosts cannot be said; it is left out';
    notes.push({ file: from.file, line: 1, level: 'check', message });
  }
  if (usable.length > 0) return usable;
  const message = 'no host has this runbook, so it is switched off';
  notes.push({
    file: from.file,
    line: 1,
    level: 'check',
    message,
    hint: 'write its `hosts`, then delete `enabled: false`',
  });
  return [];
}

/** From fnmatch to the globs of mendd. */
function globOf(written: string): string | undefined {
  const glob = written.replaceAll('[!', '[^');
  return /^[\w.*?[\]^-]{1,200}$/.test(glob) && (glob.match(/\*/g) ?? []).length <= 4 ? glob : undefined;
}

const hostsHead = `Imported from Automatron, which finds its hosts by itself: name yours here, or under \`inventories:\`.
The globs of runbooks match these names; hosts at ${nowhere} only stand in for yours.`;

function hostsFile(
  config: AutomatronConfig,
  globs: readonly string[],
  notes: ImportNote[],
): { value: YamlValue; count: number } {
  const hosts: Record<string, YamlValue> = {};
  for (const address of config.roster) {
    const name = address.replaceAll(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '');
    if (name !== '') hosts[name.slice(0, 120)] = { address };
  }
  if (config.roster.length > 0) {
    const message =
      'hosts of the roster have their address as name; globs match names, so give them their own';
    notes.push({ file: 'hosts', line: 1, level: 'check', message });
  }
  let stand = 0;
  for (const glob of [...globs, '*']) {
    if (Object.keys(hosts).some(anyOf([glob]))) continue;
    hosts[exampleOf(glob)] = { address: nowhere };
    stand += 1;
  }
  if (stand > 0) {
    const message = `${stand === 1 ? 'one host stands' : `${stand} hosts stand`} in for those that Automatron finds`;
    notes.push({
      file: 'hosts',
      line: 1,
      level: 'check',
      message,
      hint: 'name your hosts in hosts/automatron.yaml',
    });
  }
  const count = Object.keys(hosts).length;
  const user = config.logins.get('default');
  const defaults = {
    ...(user !== undefined && /^[A-Za-z_][A-Za-z0-9._@\\$-]{0,63}$/.test(user) ? { user } : {}),
    ...(config.gateway === undefined ? {} : { jump: 'automatron-gateway' }),
  };
  if (config.gateway !== undefined) {
    const [address, port] = config.gateway.replace(/^.*@/, '').split(':');
    const own = port !== undefined && /^\d{1,5}$/.test(port) ? { port: Number(port) } : {};
    hosts['automatron-gateway'] = { address: address ?? '', ...own, jump: 'automatron-gateway' };
  }
  return { value: { ...(Object.keys(defaults).length > 0 ? { defaults } : {}), hosts }, count };
}

/** A name that a glob matches. */
function exampleOf(glob: string): string {
  const plain = glob.replaceAll(/\[\^?([^\]])[^\]]*\]/g, '$1').replaceAll('?', '1');
  const [short, long] = [
    plain.replace(/(.)\*$/, '$1-example').replaceAll('*', ''),
    plain.replaceAll('*', 'example'),
  ].map((name) =>
    name
      .replaceAll(/[^A-Za-z0-9._-]/g, '')
      .replace(/^[._-]+/, '')
      .slice(0, 120),
  );
  return short !== undefined && short !== '' && anyOf([glob])(short) ? short : long || 'example';
}

function runbookPath(name: string, files: ReadonlyMap<string, string>): string {
  const plain = name.replaceAll(/[^A-Za-z0-9._/-]+/g, '-').replace(/^[./]+/, '') || 'runbook';
  for (let count = 1; ; count += 1) {
    const path = `runbooks/${plain}${count === 1 ? '' : `-${count}`}.yaml`;
    if (!files.has(path)) return path;
  }
}

function runbookText(
  { title, head, checks, actions, leftOut, from }: MadeRunbook & { from: FoundRunbook },
  hosts: readonly string[],
  titles: Set<string>,
): string {
  let unique = slug(title) === '' ? `Automatron ${from.name}` : title;
  for (let count = 2; titles.has(slug(unique)); count += 1) unique = `${title.slice(0, 50)} ${count}`;
  titles.add(slug(unique));
  const comment = [`Imported from Automatron: ${from.file}`, ...leftOut].join('\n');
  return yamlText(comment, {
    runbook: unique,
    hosts: hosts.length > 0 ? hosts : ['*'],
    ...(hosts.length > 0 ? {} : { enabled: false }),
    ...head,
    checks,
    ...(Object.keys(actions).length > 0 ? { actions } : {}),
  });
}
