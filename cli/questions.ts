/**
 * Questions of mendd to a person: read, told in full (the exact command, where it would run, how far it reaches), and answered
 * with the tag of what was told.
 */
import { createInterface } from 'node:readline';
import { exitCodes } from '../core/errors.ts';
import type { ApprovalRow, HostRow } from './api-types.ts';
import type { ApiClient } from './client.ts';
import { CommandError } from './exit.ts';
import { seenText } from './gates.ts';
import { plain } from './plain-text.ts';
import { showAge, showWhen } from './times.ts';

/** Gates whose figures say how far an action could reach. */
const reachGates = ['group_lock', 'quorum', 'brake', 'host_budget', 'group_budget', 'fleet_budget'];
const shownBehind = 10;

function pathOf(id: string): string {
  return `/api/v1/approvals/${encodeURIComponent(id)}`;
}

export function readQuestion(client: ApiClient, id: string): Promise<ApprovalRow> {
  return client.get<ApprovalRow>(pathOf(id));
}

/** Under a key it may have been settled by the same answer, which the daemon knows. Errors: 1 when it is settled. */
export async function readWaiting(
  client: ApiClient,
  id: string,
  key: string | undefined,
): Promise<ApprovalRow> {
  const asked = await readQuestion(client, id);
  if (asked.status === 'waiting' || key !== undefined) return asked;
  const by = asked.decidedBy === undefined ? '' : ` by ${asked.decidedBy}`;
  throw new CommandError(
    exitCodes.failed,
    `That question is ${asked.status}${by}; there is nothing to answer.`,
    {
      hint: '`mendd approvals` shows what waits.',
    },
  );
}

/** Errors: 75 when what is asked is no longer what was read; 1 when it was settled meanwhile, or the trouble is gone. */
export function answerQuestion(
  client: ApiClient,
  { id, tag }: ApprovalRow,
  answer: 'approve' | 'reject',
  reason: string | undefined,
): Promise<ApprovalRow> {
  return client.post<ApprovalRow>(`${pathOf(id)}/${answer}`, reason === undefined ? {} : { reason }, tag);
}

/** Made safe. The command is never cut: it is what a person says yes to. */
export function questionLines(asked: ApprovalRow, hosts: readonly HostRow[]): string[] {
  const { host, action, check, command, reason, createdAt, expiresAt, status } = asked;
  const until = status === 'waiting' ? `; waits until ${showWhen(expiresAt)}, then it is not done` : '';
  const gates = asked.gates
    .filter(({ gate }) => reachGates.includes(gate))
    .map((gate) => ({ name: gate.gate, seen: seenText(gate) }))
    .filter(({ seen }) => seen !== '');
  return [
    plain(`${action} on ${host}`),
    ...plain(command, { lines: true })
      .split('\n')
      .map((line) => `  $ ${line}`),
    ...fact('why', `${check}: ${reason}`),
    ...fact('asked', `${showAge(createdAt)} ago${until}`),
    ...reachOf(asked.host, hosts).flatMap((line) => fact('reaches', line)),
    ...gates.flatMap(({ name, seen }) => fact(name.replaceAll('_', ' '), seen)),
    ...fact('id', asked.id),
  ];
}

function fact(name: string, text: string): string[] {
  return [`  ${name.padEnd(13)} ${plain(text)}`];
}

/** What goes down with the host: its checks, and the hosts that are reached through it. */
function reachOf(name: string, hosts: readonly HostRow[]): string[] {
  const host = hosts.find((each) => each.name === name);
  if (host === undefined) return [];
  const labels = Object.entries(host.labels).map(([key, value]) => `${key}=${value}`);
  const checks = Object.values(host.checks).reduce((sum, count) => sum + count, 0);
  const about = labels.length === 0 ? '' : ` (${labels.join(' ')})`;
  const behind = behindOf(name, hosts);
  const shown = behind.slice(0, shownBehind).join(', ');
  const more = behind.length > shownBehind ? ` and ${behind.length - shownBehind} more` : '';
  return [
    `${name}${about}, ${checks} check${checks === 1 ? '' : 's'}`,
    ...(behind.length === 0
      ? []
      : [`${behind.length} host${behind.length === 1 ? '' : 's'} behind it: ${shown}${more}`]),
  ];
}

function behindOf(name: string, hosts: readonly HostRow[]): string[] {
  const found = new Set<string>();
  const pending = [name];
  for (let parent = pending.pop(); parent !== undefined; parent = pending.pop()) {
    for (const host of hosts) {
      if (!host.parents.includes(parent) || found.has(host.name)) continue;
      found.add(host.name);
      pending.push(host.name);
    }
  }
  found.delete(name);
  return [...found].sort();
}

/** What is typed in answer to a question on the terminal; undefined when the terminal is closed instead. */
export function typedAnswer(question: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    lines.on('close', () => resolve(undefined));
    lines.question(question, (text) => {
      resolve(text.trim());
      lines.close();
    });
  });
}
