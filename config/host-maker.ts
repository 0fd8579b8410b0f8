/**
 * Owns how one host is made of its layers: which value wins, `{n}`, templates, the address. It knows nothing of other
 * hosts.
 */
import { isIP } from 'node:net';
import type { HostDefinition, SshConfig } from '../core/definitions.ts';
import type { FoundHost, InventorySource, InventoryState, Json, World } from '../core/sources.ts';
import { factsScope } from './facts/facts-read.ts';
import { type HostValue, type Layer, Layers } from './host-layers.ts';
import type { HostsFiles, WrittenGroup, WrittenHost } from './hosts-files.ts';
import { hostSchema } from './hosts-schema.ts';
import { ProblemList } from './problems.ts';
import { compileTemplate, hasTemplate, type Scope, strangers, type TemplateProblem } from './templates.ts';
import { addProblem } from './tree-templates.ts';
import { type Entry, emptyTree, type Tree, treeAt } from './yaml-tree.ts';
import { splitHint } from './zod-problems.ts';

export interface HostsInput {
  trees: readonly Tree[];
  /** Of the hosts files, with what they told; one that never answered has no state. */
  inventories: readonly { source: InventorySource; state: InventoryState | undefined }[];
  world: World;
  /** Hosts may come that are not known yet. */
  isOpen: boolean;
  daemon: Pick<SshConfig, 'user' | 'transport' | 'jump'> & { tree: Tree };
  /** Of what the daemon file and nobody else sets. */
  place: Tree;
}

/** What is known of one host before its values are chosen. */
export interface Candidate {
  name: string;
  written?: WrittenHost;
  found?: { host: FoundHost; from: string; file: string | undefined; entry: Entry };
}

/** Where a value is written. */
type At = (path: readonly string[]) => Tree;

/** Makes one host of its layers. */
export class HostMaker {
  readonly groups: WrittenGroup[] = [];
  isPending = false;
  readonly #candidate: Candidate;
  readonly #files: HostsFiles;
  readonly #input: HostsInput;
  readonly #problems: ProblemList;
  #made: HostDefinition | undefined;
  #facts: Scope | undefined;

  constructor(candidate: Candidate, files: HostsFiles, input: HostsInput, problems: ProblemList) {
    this.#candidate = candidate;
    this.#files = files;
    this.#input = input;
    this.#problems = problems;
  }

  get entry(): Entry {
    const { written, found } = this.#candidate;
    const entry = written?.entry ?? found?.entry;
    if (entry === undefined) throw new Error(`the host ${this.#candidate.name} comes from nowhere`);
    return entry;
  }

  /** What groups select by. */
  preview(): Pick<HostDefinition, 'name' | 'labels'> {
    const layers = new Layers(this.#candidate.name, this.#layers(), new ProblemList());
    return { name: this.#candidate.name, labels: this.#labels(layers, undefined, new ProblemList()) };
  }

  make(): HostDefinition | undefined {
    const problems = this.#problems;
    const found = problems.problems.length;
    this.isPending = false;
    const host = this.#compose(new Layers(this.#candidate.name, this.#layers(), problems), problems);
    if (problems.problems.length > found) return undefined;
    this.#made = host;
    return host;
  }

  explain(): HostValue[] {
    const layers = new Layers(this.#candidate.name, this.#layers(), new ProblemList());
    const host = this.#compose(layers, new ProblemList());
    const shown = (key: string): unknown => {
      const [part = '', rest] = [key.split('.')[0], key.slice(key.indexOf('.') + 1)];
      if (part === 'labels') return host?.labels[rest];
      return part === 'vars' ? host?.vars[rest] : host?.[part as keyof HostDefinition];
    };
    return layers.values.map((each) => ({ ...each, value: shown(each.key) ?? null }));
  }

  scope(): Scope {
    const host = this.#made;
    if (host === undefined) return {};
    const { name, address, port, user } = host;
    return {
      facts: this.#factScope(),
      host: { name, address, port, user },
      labels: host.labels,
      vars: host.vars,
    };
  }

  /** Built-in facts stand at the top, those of a program below its name. */
  #factScope(): Scope {
    this.#facts ??= factsScope(this.#input.world.facts.get(this.#candidate.name));
    return this.#facts;
  }

  #layers(): Layer[] {
    const { written, found } = this.#candidate;
    const { daemon } = this.#input;
    const file = written?.entry.keyPlace.file ?? found?.file;
    const defaults = file === undefined ? undefined : this.#files.defaults.get(file);
    const { entry } = this;
    return [
      ...(written === undefined
        ? []
        : [{ name: 'the host', rank: 0 as const, values: written.input, tree: entry.tree }]),
      ...(found === undefined
        ? []
        : [
            { name: found.from, rank: 1 as const, values: found.host, tree: emptyTree(found.entry.keyPlace) },
          ]),
      ...this.groups.map((group) => ({
        name: `the group \`${group.name}\``,
        rank: 2 as const,
        values: withoutSelector(group),
        tree: group.entry.tree,
      })),
      ...(defaults === undefined
        ? []
        : [{ name: 'the defaults', rank: 3 as const, values: defaults.input, tree: defaults.tree }]),
      {
        name: 'the daemon file',
        rank: 4,
        values: {
          user: daemon.user,
          transport: daemon.transport,
          ...(daemon.jump === undefined ? {} : { jump: daemon.jump }),
        },
        tree: daemon.tree,
      },
    ];
  }

  #compose(layers: Layers, problems: ProblemList): HostDefinition | undefined {
    const { name } = this.#candidate;
    const transport = layers.pick('transport')?.value ?? 'ssh';
    const local = transport === 'local';
    const facts = this.#factScope();
    const vars: Record<string, Json> = {};
    const at: At = (path) => layers.at(['vars', ...path]);
    for (const [key, value] of Object.entries(layers.vars())) {
      const rendered = this.#render(value, at, [key], { facts, host: { name } }, problems);
      if (rendered !== undefined) vars[key] = rendered;
    }
    const labels = this.#labels(layers, vars, problems);
    const scope = { facts, host: { name }, labels, vars };
    const written = layers.pick('address');
    const addressText = written?.value ?? (local ? '127.0.0.1' : name);
    const address = this.#text(addressText, 'address', layers.at(['address']), scope, problems);
    const userText = layers.pick('user')?.value ?? '';
    const user = this.#text(userText, 'user', layers.at(['user']), scope, problems);
    const jump = local ? undefined : layers.pick('jump');
    const through = jump === undefined ? undefined : this.#fill('jump', jump.value, problems);
    const parents = local ? [] : (layers.pick('parents')?.value ?? []);
    const named = parents.map((each, index) => this.#fill('parents', each, problems, index));
    const batch = layers.pick('batch')?.value ?? true;
    const port = layers.pick('port')?.value ?? 22;
    if (address === undefined || user === undefined) return undefined;
    const checked = checkAddress(address, written?.value.includes('{n}') === true);
    if ('problem' in checked) {
      const [message, hint] = splitHint(checked.problem);
      const place = treeAt(written?.layer.tree ?? this.entry.tree, ['address'])?.place ?? this.entry.keyPlace;
      problems.add(place, `\`address\`: ${message}`, hint);
      return undefined;
    }
    // The daemon file's own jump host is the runner's to know: it is for all, itself left out.
    const isOwn = jump !== undefined && jump.layer.rank < 4;
    return {
      name,
      transport,
      batch,
      address: checked.value,
      port,
      user,
      labels,
      vars,
      origin: this.#candidate.found === undefined ? 'hosts' : this.#candidate.found.from,
      ...(isOwn && through !== undefined ? { jump: through } : {}),
      zone: labels['zone'] ?? 'default',
      parents: named.filter((each) => each !== undefined),
    };
  }

  #labels(
    layers: Layers,
    vars: Readonly<Record<string, Json>> | undefined,
    problems: ProblemList,
  ): Record<string, string> {
    const { name } = this.#candidate;
    const scope = { facts: this.#factScope(), host: { name }, ...(vars && { vars }) };
    const labels: Record<string, string> = {};
    for (const [label, text] of Object.entries(layers.labels())) {
      const filled = this.#fill('labels', text, problems);
      const at = (): Tree => layers.at(['labels', label]);
      const rendered = filled === undefined ? undefined : this.#render(filled, at, [], scope, problems);
      if (typeof rendered === 'string' && rendered.trim() !== '') labels[label] = rendered;
    }
    return labels;
  }

  /** Texts with templates rendered, all the way down; what is not known yet is left out. */
  #render(
    value: Json,
    at: At,
    path: readonly string[],
    scope: Scope,
    problems: ProblemList,
  ): Json | undefined {
    if (typeof value === 'string')
      return hasTemplate(value) ? this.#rendered(value, () => at(path), scope, problems) : value;
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(
      ([key, each]) => [key, this.#render(each, at, [...path, key], scope, problems)] as const,
    );
    if (Array.isArray(value)) return entries.flatMap(([, each]) => (each === undefined ? [] : [each]));
    return Object.fromEntries(entries.filter(([, each]) => each !== undefined)) as Json;
  }

  #rendered(text: string, at: () => Tree, scope: Scope, problems: ProblemList): string | undefined {
    const template = compileTemplate(text, 'text');
    if ('problem' in template) return undefined;
    const rendered = template.render(scope);
    if ('text' in rendered) return rendered.text;
    const areVarsOpen = this.isPending || scope['vars'] === undefined;
    const waits = template.reads.some(
      (name) => /^facts\b/.test(name) || (areVarsOpen && /^vars\b/.test(name)),
    );
    if (waits) this.isPending = true;
    // What cannot be read, or reads what nothing knows here, is told where the file is read.
    else if (strangers(template.reads, Object.keys(scope)).length === 0)
      this.#addProblem(problems, at(), rendered.problem);
    return undefined;
  }

  /** A text that a host cannot be without. */
  #text(written: string, key: string, at: Tree, scope: Scope, problems: ProblemList): string | undefined {
    const filled = this.#fill(key, written, problems);
    if (filled === undefined || !hasTemplate(filled)) return filled;
    const template = compileTemplate(filled, 'text');
    if ('problem' in template) return undefined;
    if (template.reads.some((name) => name.startsWith('facts'))) {
      const hint = 'the host must be reached to tell facts; use `vars`, `labels` or `host`';
      problems.add(at.place, `\`${key}\` depends on facts`, hint);
      return undefined;
    }
    const rendered = template.render(scope);
    const parsed = 'text' in rendered ? hostSchema.shape[key as 'user'].safeParse(rendered.text) : undefined;
    if ('text' in rendered && parsed?.success === true && !hasTemplate(rendered.text)) return rendered.text;
    if ('problem' in rendered) this.#addProblem(problems, at, rendered.problem);
    else
      problems.add(at.place, `\`${key}\`: the template makes \`${rendered.text.slice(0, 80)}\``, 'mend it');
    return undefined;
  }

  /** One place may be wrong for many hosts: the first is named. */
  #addProblem(problems: ProblemList, at: Tree, problem: TemplateProblem): void {
    const hint = `on the host \`${this.#candidate.name}\`; ${problem.hint}`;
    addProblem(problems, at, { ...problem, hint });
  }

  #fill(key: string, text: string, problems: ProblemList, index?: number): string | undefined {
    const { n } = this.#candidate.written ?? {};
    const filled = n === undefined ? text : text.replaceAll(/(?<!\{)\{n\}(?!\})/g, n);
    if (!/[{}]/.test(filled) || hasTemplate(filled)) return filled;
    const hint = '`{n}` stands for the range of a name with exactly one range';
    const path = index === undefined ? [key] : [key, index];
    const place = treeAt(this.entry.tree, path)?.place ?? this.entry.keyPlace;
    problems.add(place, `\`${key}\`: \`${text}\` cannot be filled in`, hint);
    return undefined;
  }
}

function withoutSelector({ input }: WrittenGroup): Layer['values'] {
  const { hosts: _selector, ...values } = input;
  return values;
}

/**
 * A number of a range may be padded for the name, but resolvers read `10.0.0.010` as octal: digits that came from `{n}`
 * lose their zeros, and those a person wrote are refused.
 */
export function checkAddress(address: string, ranged: boolean): { value: string } | { problem: string } {
  if (!/^\d+(\.\d+){3}$/.test(address)) {
    const wrong = address.includes(':') && isIP(address.replace(/%.*$/, '')) !== 6;
    return wrong
      ? { problem: `\`${address}\` is no address; put the port into \`port\`` }
      : { value: address };
  }
  const plain = address.split('.').map(Number).join('.');
  if (isIP(plain) === 0) return { problem: `\`${address}\` is no IP address; each number is at most 255` };
  if (plain === address || ranged) return { value: plain };
  return {
    problem: `\`${address}\` has a number with a leading zero, which some programs read as octal; write \`${plain}\``,
  };
}
