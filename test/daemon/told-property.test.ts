/**
 * Random nights with the real ledger: problems, dead parents, quiet hours, reloads, a full disk, and a daemon that dies between any two
 * steps. Whoever was told of a problem is told its end, once.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Definitions, HostPlan } from '../../core/definitions.ts';
import { MenddError } from '../../core/errors.ts';
import type { MessageRoute } from '../../core/messages-config.ts';
import type { OutboxMessage } from '../../core/ports.ts';
import type { CheckState } from '../../core/types.ts';
import { checkOf, ladderOf, planOf, restart } from '../support/definitions.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const minuteMs = 60_000;
const nights = Number(process.env['NIGHTS'] ?? 15);
const longestMs = 60_000 + nights * 2_000;
const running = checkOf('running', { flapping: null, maxAttempts: 1 });
const spent = { ...restart, enabled: false };
const names = ['sw-1', 'web-1', 'web-2'];

/** What actions watch: all states, one of them, or nothing. */
type Watch = 'all' | 'critical' | 'none';

function plan(name: string, watch: Watch): HostPlan {
  const states = watch === 'critical' ? { states: ['critical'] as const } : {};
  const ladders = [
    ladderOf([spent], { attempts: 1, ...states }),
    { ...ladderOf([{ ...spent, id: 'app.wake' }], { check: 'host', attempts: 1 }), id: 'app.wake' },
  ];
  const made = planOf([running], watch === 'none' ? [] : ladders, name);
  return { ...made, host: { ...made.host, parents: name === 'sw-1' ? [] : ['sw-1'] } };
}

const everything = { hosts: [], labels: {}, runbooks: [], severities: [] };
const grouped: MessageRoute = {
  name: 'grouped',
  match: everything,
  to: ['oncall', 'chat'],
  continues: false,
  group: { by: ['runbook'], waitMs: 30_000, intervalMs: 2 * minuteMs },
  quiet: [{ cron: '0 */2 * * *', timezone: 'UTC', lastsMs: 30 * minuteMs, pass: ['critical'] }],
};
const single: MessageRoute = {
  name: 'single',
  match: everything,
  to: ['oncall'],
  continues: false,
  quiet: [],
};
const configs: readonly (readonly MessageRoute[])[] = [
  [grouped],
  [single],
  [{ ...single, continues: true }, grouped],
  [],
];

function definitions(
  routes: readonly MessageRoute[],
  hosts: readonly string[],
  watch: Watch,
  revision: string,
): Definitions {
  const made = definitionsOf(
    hosts.map((name) => plan(name, watch)),
    { page: 'boss' },
  );
  return { ...made, revision, daemon: { ...made.daemon, messages: { routes } } };
}

type Night = (night: OneNight) => Promise<void> | void;

class OneNight {
  readonly #directory = mkdtempSync(join(tmpdir(), 'mendd-night-'));
  readonly #clock = new FakeClock();
  #revision = 0;
  #definitions = this.make(configs[0] ?? [], names);
  daemon = this.open();

  make(routes: readonly MessageRoute[], hosts: readonly string[], watch: Watch = 'all'): Definitions {
    this.#revision += 1;
    return definitions(routes, hosts, watch, `r${this.#revision}`);
  }

  open(): ScriptedDaemon {
    return new ScriptedDaemon(join(this.#directory, 'mendd.db'), this.#definitions, this.#clock);
  }

  die(): void {
    this.daemon.close();
    this.daemon = this.open();
    this.daemon.healing.messages.oweAll();
  }

  swap(routes: readonly MessageRoute[], hosts: readonly string[], watch: Watch): void {
    this.#definitions = this.make(routes, hosts, watch);
    this.daemon.healing.fleet.swap(this.#definitions);
  }

  async pass(ms: number): Promise<void> {
    await this.#clock.pass(ms);
    attempt(() => this.daemon.healing.messages.turn());
    attempt(() => this.daemon.healing.messages.settle());
  }

  async result(host: string, state: CheckState): Promise<void> {
    await this.#clock.pass(1_000);
    const startedAtMs = this.#clock.nowMs();
    const result = { state, text: state, longText: '', perfdata: [], startedAtMs, durationMs: 1 };
    this.daemon.healing.fleet.apply(host, { kind: 'result', check: 'app.running', result, viaHost: true });
  }

  async unreachable(host: string): Promise<void> {
    await this.#clock.pass(1_000);
    const failure = { stage: 'connect' as const, message: 'refused', hint: '', sent: false };
    this.daemon.healing.fleet.apply(host, { kind: 'unreachable', failure, startedAtMs: this.#clock.nowMs() });
  }

  /** The next writes about conversations fail, before or after they are durable. */
  breakOnce(isAfter: boolean): void {
    const { coordinator } = this.daemon;
    const whole = coordinator.converse.bind(coordinator);
    coordinator.converse = (...written) => {
      coordinator.converse = whole;
      if (isAfter) whole(...written);
      throw new MenddError('STORE_UNUSABLE', 'the disk is full');
    };
  }

  messages(): OutboxMessage[] {
    const all: OutboxMessage[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = this.daemon.coordinator.messages({
        limit: 500,
        ...(cursor === undefined ? {} : { cursor }),
      });
      all.push(...page.items);
      if (page.next === undefined) return all.toReversed();
      cursor = page.next;
    }
  }

  end(): void {
    this.daemon.close();
    rmSync(this.#directory, { recursive: true });
  }
}

function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof MenddError)) throw error;
  }
}

const host = fc.constantFrom(...names);
const states: readonly CheckState[] = ['ok', 'ok', 'warning', 'critical', 'critical', 'unknown'];
const step: fc.Arbitrary<Night> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(host, fc.constantFrom(...states)).map(
      ([at, state]): Night =>
        (night) =>
          night.result(at, state),
    ),
  },
  {
    weight: 2,
    arbitrary: host.map(
      (at): Night =>
        (night) =>
          night.unreachable(at),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(5_000, 40_000, 5 * minuteMs, 40 * minuteMs).map(
      (ms): Night =>
        (night) =>
          night.pass(ms),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Night>((night) => night.die()) },
  {
    weight: 1,
    arbitrary: fc.boolean().map(
      (isAfter): Night =>
        (night) =>
          night.breakOnce(isAfter),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...configs),
        fc.constantFrom(names, names, ['sw-1', 'web-1']),
        fc.constantFrom<Watch>('all', 'critical', 'none'),
      )
      .map(
        ([routes, hosts, watch]): Night =>
          (night) =>
            night.swap(routes, hosts, watch),
      ),
  },
);

async function calm(night: OneNight): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    for (const name of names) await night.result(name, 'ok');
    for (let turn = 0; turn < 4; turn += 1) await night.pass(20 * minuteMs);
  }
}

/** A test that judges many nights, each after what happened in it. */
function overNights(judge: (night: OneNight) => Promise<void>): () => Promise<void> {
  const nightly = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const night = new OneNight();
    try {
      for (const each of steps) await each(night);
      await judge(night);
    } finally {
      night.end();
    }
  });
  return () => fc.assert(nightly, { numRuns: nights });
}

test(
  'whoever was told of a problem is told its end, once, after it, and nobody is told twice',
  overNights(async (night) => {
    await calm(night);
    const all = night.messages();
    const conversations = new Set(all.flatMap(({ conversation }) => conversation ?? []));
    for (const id of conversations) {
      const own = all.filter(({ conversation }) => conversation === id);
      const says = own.map(({ body }) => String(body['say']));
      expect([says[0], says.at(-1)]).toEqual(['problem', 'recovery']);
      expect(says.filter((say) => say === 'problem' || say === 'recovery')).toHaveLength(2);
      expect(new Set(own.map(({ target }) => target)).size).toBe(1);
    }
    const alone = all.filter(({ conversation, kind }) => conversation === undefined && kind === 'problem');
    for (const problem of alone) {
      const answers = all.filter(
        ({ kind, id, target, host: name, ladder }) =>
          kind === 'recovery' &&
          id > problem.id &&
          target === problem.target &&
          name === problem.host &&
          ladder === problem.ladder,
      );
      expect(answers).not.toEqual([]);
    }
    expect(openTwice(all)).toEqual([]);
    expect(night.daemon.healing.messages.conversations.open()).toEqual([]);
  }),
  longestMs,
);

test(
  'whatever happened before, what lasts and no action watches is told, once, by the route that is there in the end',
  overNights(async (night) => {
    night.swap([single], names, 'none');
    for (let round = 0; round < 3; round += 1) {
      for (const name of names) await night.result(name, 'critical');
      await night.pass(20 * minuteMs);
    }
    const { conversations } = night.daemon.healing.messages;
    const told = conversations
      .open()
      .filter(({ target }) => target === 'oncall')
      .flatMap(({ members }) => members)
      .filter(
        ({ check, overMs, toldMs }) => check !== 'host' && overMs === undefined && toldMs !== undefined,
      );
    expect(told.map(({ host: name }) => name).toSorted()).toEqual(names.toSorted());
  }),
  longestMs,
);

/** Targets that were told of the problem of one check in two conversations at a time. */
function openTwice(all: readonly OutboxMessage[]): string[] {
  const open = new Map<string, string>();
  const found: string[] = [];
  for (const { target, conversation, body } of all) {
    if (conversation === undefined) continue;
    for (const { host: name, check, over, behind } of problemsOf(body)) {
      const place = `${target} ${String(name)}/${String(check)}`;
      const before = open.get(place);
      if (over !== undefined || body['say'] === 'recovery') {
        if (before === conversation) open.delete(place);
      } else if (before === undefined) open.set(place, conversation);
      else if (before !== conversation && behind !== true) found.push(`${place} in two conversations`);
    }
  }
  return found;
}

function problemsOf(body: OutboxMessage['body']): Record<string, unknown>[] {
  return Array.isArray(body['problems']) ? (body['problems'] as Record<string, unknown>[]) : [];
}
