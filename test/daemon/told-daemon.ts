/** A daemon with the real ledger and what its people are told: what tests of messages share. Time moves only when told. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Definitions, HostPlan, NotifyTarget } from '../../core/definitions.ts';
import { MenddError } from '../../core/errors.ts';
import type { MessageRoute, MessagesConfig } from '../../core/messages-config.ts';
import type { OutboxMessage } from '../../core/ports.ts';
import type { CheckState } from '../../core/types.ts';
import { createMessageViews } from '../../daemon/message-views.ts';
import { checkOf, ladderOf, planOf, restart } from '../support/definitions.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
/** A Tuesday, 22:13:20 UTC. */
export const evening = 1_700_000_000_000;

let directory = '';
const daemons: ScriptedDaemon[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-told-'));
});

afterEach(() => {
  for (const each of daemons.splice(0)) each.close();
  rmSync(directory, { recursive: true, force: true });
});

export const running = checkOf('running', { flapping: null, maxAttempts: 1 });
/** Nothing to try: it gives up at once. */
export const spent = { ...restart, enabled: false };

export function plan(name: string, labels: Record<string, string> = {}, parents: string[] = []): HostPlan {
  const ladders = [
    ladderOf([spent], { attempts: 1 }),
    { ...ladderOf([{ ...spent, id: 'app.wake' }], { check: 'host', attempts: 1 }), id: 'app.wake' },
  ];
  const made = planOf([running], ladders, name);
  return { ...made, host: { ...made.host, labels, parents } };
}

export function route(name: string, more: Partial<MessageRoute> = {}): MessageRoute {
  return {
    name,
    match: { hosts: [], labels: {}, runbooks: [], severities: [] },
    to: ['oncall'],
    continues: false,
    quiet: [],
    ...more,
  };
}

export function definitions(
  plans: HostPlan[],
  messages: Partial<MessagesConfig>,
  more: { page?: string; notify?: NotifyTarget[]; publicUrl?: string } = {},
): Definitions {
  const made = definitionsOf(plans, more.page === undefined ? {} : { page: more.page });
  return {
    ...made,
    revision: randomUUID(),
    daemon: {
      ...made.daemon,
      api: { ...made.daemon.api, ...(more.publicUrl === undefined ? {} : { publicUrl: more.publicUrl }) },
      notify: new Map((more.notify ?? []).map((each) => [each.name, each])),
      messages: { routes: [], ...messages },
    },
  };
}

export function start(of: Definitions, clock = new FakeClock(evening)): ScriptedDaemon {
  const daemon = new ScriptedDaemon(join(directory, 'mendd.db'), of, clock);
  daemons.push(daemon);
  return daemon;
}

/** The ledger is left. */
export function loseHistory(): void {
  for (const name of readdirSync(directory)) if (name.startsWith('mendd.db')) rmSync(join(directory, name));
}

export function restarted(daemon: ScriptedDaemon, of: Definitions): ScriptedDaemon {
  daemons.splice(daemons.indexOf(daemon), 1);
  daemon.close();
  return start(of, daemon.clock);
}

export function told(daemon: ScriptedDaemon): OutboxMessage[] {
  return daemon.coordinator.messages({ limit: 500 }).items.toReversed();
}

export function subjects(daemon: ScriptedDaemon): string[] {
  return told(daemon).map(
    ({ target, body }) => `${target}: ${String(body['subject']).replace('[mendd] ', '')}`,
  );
}

export async function result(
  daemon: ScriptedDaemon,
  host: string,
  state: CheckState,
  check = 'app.running',
): Promise<void> {
  await daemon.clock.pass(1_000);
  const startedAtMs = daemon.clock.nowMs();
  const verdict = { state, text: `it is ${state}`, longText: '', perfdata: [], startedAtMs, durationMs: 1 };
  daemon.healing.fleet.apply(host, { kind: 'result', check, result: verdict, viaHost: true });
  await settle();
  attempt(() => daemon.healing.messages.turn());
}

/** As housekeeping does. */
function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof MenddError)) throw error;
  }
}

export async function unreachable(daemon: ScriptedDaemon, ...hosts: string[]): Promise<void> {
  for (let time = 0; time < 3; time += 1) {
    for (const host of hosts) {
      const failure = { stage: 'connect' as const, message: 'refused', hint: '', sent: false };
      daemon.healing.fleet.apply(host, {
        kind: 'unreachable',
        failure,
        startedAtMs: daemon.clock.nowMs(),
      });
    }
    await settle();
  }
}

export async function pass(daemon: ScriptedDaemon, ms: number): Promise<void> {
  await daemon.clock.pass(ms);
  daemon.healing.messages.turn();
  daemon.healing.messages.settle();
}

/** To `oncall`. */
export function tellMuch({ coordinator, clock }: ScriptedDaemon, host: string): void {
  const at = { createdAtMs: clock.nowMs(), nextAttemptAtMs: clock.nowMs() };
  const notice = { target: 'oncall', kind: 'notice' as const, host, ladder: '', body: {}, ...at };
  coordinator.converse(
    [],
    Array.from({ length: 500 }, (_, index) => ({ ...notice, key: `n${index}` })),
  );
}

export function viewsOf(daemon: ScriptedDaemon): ReturnType<typeof createMessageViews> {
  return createMessageViews({ ...daemon.healing, clock: daemon.clock, coordinator: daemon.coordinator });
}
