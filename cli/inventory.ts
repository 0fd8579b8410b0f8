/** `mendd inventory`: where hosts come from beside the hosts files, how old that is, and what is wrong with it. */
import type { Command } from 'commander';
import { formatProblem } from '../config/problems.ts';
import { exitCodes } from '../core/errors.ts';
import type { FoundHost } from '../core/sources.ts';
import {
  type ApiOptions,
  addCommand,
  type ConfigOptions,
  type OutputOptions,
  openSession,
  withApi,
  withConfig,
  withDryRun,
  withOutput,
  withReason,
} from './command.ts';
import { findDaemonFile } from './daemon-file.ts';
import { CommandError, usageError } from './exit.ts';
import { type Column, Output } from './output.ts';
import { plain } from './plain-text.ts';
import { showInstant } from './times.ts';

interface InventoryRow {
  name: string;
  kind: string;
  hosts: string[];
  gone: { host: string; since: string; expiresAt: string }[];
  heardAt?: string;
  problem?: string;
  warnings: string[];
  held?: { tag: string; since: string; vanished: string[]; of: number };
}

/** Names of hosts that are shown of an answer that is held. */
const shownHosts = 20;

export function addInventory(program: Command): void {
  const inventory = addCommand(program, 'inventory', 'where hosts come from beside the hosts files', [
    'inventory',
    'inventory run ec2',
    "inventory accept ec2 --reason 'the old cluster is gone'",
  ]);
  const list = addCommand(
    inventory,
    'list',
    'sources with their age, hosts and problems',
    ['inventory list'],
    { isDefault: true },
  );
  withApi(list).action(listInventories);
  const run = addCommand(inventory, 'run <name>', 'ask one source now, without a daemon; prints its hosts', [
    'inventory run ec2',
    'inventory run ./inventories/hosts.ini -o json',
  ]);
  withConfig(withOutput(run)).action(runInventory);
  const accept = addCommand(
    inventory,
    'accept <name>',
    'let the hosts go that a held answer lacks; shows them first',
    ["inventory accept ec2 --reason 'the old cluster is gone'"],
  );
  // Without --key: what is held has a tag, and is accepted once.
  withReason(withDryRun(withApi(accept))).action(acceptAnswer);
}

async function listInventories(options: ApiOptions): Promise<void> {
  const { client, out } = await openSession(options);
  const rows = await client.list<InventoryRow>('/api/v1/inventories');
  out.list('inventories', rows, columns, 'No inventories are defined.');
  if (out.format !== 'table') return;
  for (const { name, warnings, held } of rows) {
    for (const warning of warnings) out.talk(`${plain(name)}: ${plain(warning)}`);
    if (held !== undefined) out.talk(`${plain(name)} lacks: ${namesOf(held.vanished)}`);
  }
}

const columns: readonly Column<InventoryRow>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'KIND', cell: ({ kind }) => kind },
  { title: 'HOSTS', cell: ({ hosts }) => String(hosts.length) },
  {
    title: 'GONE',
    cell: ({ gone }) => String(gone.length),
    hue: ({ gone }) => (gone.length > 0 ? 'warn' : undefined),
  },
  { title: 'HEARD', cell: ({ heardAt }) => (heardAt === undefined ? 'never' : showInstant(heardAt)) },
  { title: 'PROBLEM', cell: ({ problem }) => problem ?? '', hue: () => 'bad' },
];

function namesOf(hosts: readonly string[]): string {
  const more = hosts.length > shownHosts ? ` and ${hosts.length - shownHosts} more` : '';
  return `${hosts
    .slice(0, shownHosts)
    .map((host) => plain(host))
    .join(', ')}${more}`;
}

async function acceptAnswer(name: string, options: ApiOptions & { reason: string }): Promise<void> {
  const { client, out } = await openSession(options);
  const rows = await client.list<InventoryRow>('/api/v1/inventories');
  const held = rows.find((row) => row.name === name)?.held;
  if (held !== undefined)
    out.talk(`${held.vanished.length} of ${held.of} hosts go: ${namesOf(held.vanished)}`);
  // What is not held, or not there, is for the daemon to refuse.
  const path = `/api/v1/inventories/${encodeURIComponent(name)}/accept`;
  const answer = await client.post<InventoryRow>(path, { reason: options.reason, tag: held?.tag ?? 'none' });
  out.value(answer, () => [`${plain(answer.name)} has ${answer.hosts.length} hosts now.`]);
}

async function runInventory(name: string, options: OutputOptions & ConfigOptions): Promise<void> {
  const out = new Output(options.output);
  const { loadDefinitions } = await import('../config/load.ts');
  const { refusalOf } = await import('../daemon/load.ts');
  const { askInventory } = await import('../daemon/inventory-ask.ts');
  const { systemClock } = await import('../daemon/clock.ts');
  const loaded = loadDefinitions({ configFile: findDaemonFile(options.config) });
  if (!loaded.ok) throw refusalOf(loaded.problems);
  for (const warning of loaded.warnings) out.talk(`warning: ${formatProblem(warning)}`);
  const { inventories, daemon } = loaded.definitions;
  const source = inventories.find((each) => each.name === name);
  if (source === undefined) {
    const known = inventories.map((each) => each.name).join(', ');
    throw usageError(
      `There is no inventory ${name}.`,
      known === '' ? 'None is defined.' : `There are: ${known}`,
    );
  }
  const asked = await askInventory(source, { clock: systemClock, directory: daemon.definitionsPath });
  if (!asked.ok) throw new CommandError(exitCodes.failed, `${name}: ${asked.problem}.`);
  for (const warning of asked.warnings) out.talk(`${name}: ${warning}`);
  out.list('hosts', asked.hosts, hostColumns, 'It tells no hosts.');
}

const hostColumns: readonly Column<FoundHost>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'ADDRESS', cell: ({ address, transport }) => address ?? (transport === 'local' ? 'local' : '') },
  { title: 'PORT', cell: ({ port }) => (port === undefined ? '' : String(port)) },
  { title: 'USER', cell: ({ user }) => user ?? '' },
  { title: 'JUMP', cell: ({ jump }) => jump ?? '' },
  {
    title: 'LABELS',
    cell: ({ labels }) =>
      Object.entries(labels)
        .map((pair) => pair.join('='))
        .join(' '),
  },
  { title: 'VARS', cell: ({ vars }) => Object.keys(vars).join(' ') },
];
