import { expect, test } from 'vitest';
import type { GroupView, MemberView } from '../../core/fleet-view.ts';
import type { SelfDoubtRule } from '../../core/remediation-config.ts';
import type { Doubt } from '../../core/safety.ts';
import type { OwnCondition } from '../../core/self-doubt.ts';
import { SelfDoubt } from '../../daemon/self-doubt.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

const minute = 60_000;
const canary = { host: '192.0.2.1', port: 53 };
const works: OwnCondition = { gatewayUp: true, canaries: { asked: 1, answered: 1 } };

function setUp({ hosts = 4, ...changes }: Partial<SelfDoubtRule> & { hosts?: number } = {}) {
  const clock = new FakeClock();
  const members = new Map<string, MemberView>();
  const startedAtMs = clock.nowMs();
  const rule: SelfDoubtRule = {
    stallMs: 2_000,
    canaries: [canary],
    gateway: true,
    dns: [],
    everyMs: 10_000,
    changedAbovePercent: 50,
    changedWithinMs: minute,
    changedMin: 2,
    ...changes,
  };
  const world = {
    clock,
    members,
    startedAtMs,
    rule,
    condition: works,
    hangs: false,
    looks: 0,
    looking: 0,
    most: 0,
    walks: 0,
    release: () => {},
    told: [] as string[],
    jumps: [] as number[],
    doubts: [] as Doubt[],
  };
  const probe = {
    async look(_rule: SelfDoubtRule, signal: AbortSignal): Promise<OwnCondition> {
      world.looks += 1;
      world.looking += 1;
      world.most = Math.max(world.most, world.looking);
      const { condition } = world;
      if (world.hangs) {
        await new Promise<void>((resolve) => {
          world.release = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      }
      world.looking -= 1;
      return condition;
    },
  };
  const counted = {
    get size() {
      return members.size;
    },
    values() {
      world.walks += 1;
      return members.values();
    },
  } as unknown as GroupView['members'];
  const fleet: GroupView = {
    key: 'fleet',
    members: counted,
    get unhealthy() {
      return [...members.values()].filter((member) => member.unhealthy).length;
    },
    openRepairs: 0,
    repairsSince: () => 0,
  };
  const selfDoubt = new SelfDoubt({
    clock,
    rule: () => world.rule,
    groups: () => new Map([['fleet', fleet]]),
    probe,
    onBegan: (doubt) => {
      world.told.push(`+${doubt.cause}`);
      world.doubts.push(doubt);
    },
    onEnded: (doubt) => void world.told.push(`-${doubt.cause}`),
    onClockJump: (jumpMs) => void world.jumps.push(jumpMs),
  });
  const put = (host: string, changed: Partial<MemberView> = {}): void => {
    const known = members.get(host);
    const fresh = {
      unhealthy: false,
      unhealthySinceMs: 0,
      askedAtMs: 0,
      askedEveryMs: 30_000,
      openRepairs: 0,
    };
    members.set(host, { ...fresh, ...known, ...changed });
  };
  for (let index = 0; index < hosts; index += 1) put(`web${index}`);
  const askAll = (): void => {
    for (const host of members.keys()) put(host, { askedAtMs: clock.nowMs() });
  };
  /** Seconds of housekeeping. */
  const turn = async (seconds = 1): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      await clock.pass(1_000);
      selfDoubt.turn();
      await settle();
    }
  };
  /** Turns once, and has every host answer. */
  const start = async (): Promise<void> => {
    await turn();
    askAll();
    await clock.pass(300);
    expect(selfDoubt.doubt).toBeUndefined();
  };
  const badAll = (): void => {
    for (const host of members.keys()) put(host, { unhealthy: true, unhealthySinceMs: clock.nowMs() });
  };
  return { world, selfDoubt, put, askAll, turn, start, badAll };
}

test('after a start every host has to answer first; nobody is told of that', async () => {
  const { world, selfDoubt, put, askAll, turn } = setUp();
  expect(selfDoubt.freshSinceMs).toBe(world.startedAtMs);
  expect(selfDoubt.doubt).toMatchObject({
    cause: 'fresh_round_pending',
    sinceMs: world.startedAtMs,
    values: { hosts: 4, notAskedYet: 4 },
  });
  await turn();
  askAll();
  put('web3', { askedAtMs: world.startedAtMs - 1 });
  await world.clock.pass(300);
  expect(selfDoubt.doubt?.values).toEqual({ hosts: 4, notAskedYet: 1 });
  put('web3', { askedAtMs: world.startedAtMs });
  await world.clock.pass(300);
  expect(selfDoubt.doubt).toBeUndefined();
  expect(world.told).toEqual([]);
});

test('a host that is never asked does not block the others for ever', async () => {
  const { world, selfDoubt } = setUp();
  await world.clock.pass(2 * 30_000 + minute - 1);
  expect(selfDoubt.doubt?.cause).toBe('fresh_round_pending');
  await world.clock.pass(300);
  expect(selfDoubt.doubt).toBeUndefined();
});

test('an empty fleet waits for nobody, and hosts loaded later are waited for', () => {
  const { selfDoubt, put } = setUp({ hosts: 0 });
  expect(selfDoubt.doubt).toBeUndefined();
  put('web0');
  expect(selfDoubt.doubt?.cause).toBe('fresh_round_pending');
});

test('the fleet is not walked for every decision', async () => {
  const { world, selfDoubt, start } = setUp();
  for (let index = 0; index < 100; index += 1) expect(selfDoubt.doubt).toBeDefined();
  expect(world.walks).toBe(1);
  await start();
  const { walks } = world;
  for (let index = 0; index < 100; index += 1) {
    selfDoubt.notice();
    expect(selfDoubt.doubt).toBeUndefined();
    await world.clock.pass(10);
  }
  expect(world.walks).toBe(walks);
});

test.each([
  ['back', -86_400_000, false],
  ['forwards', 86_400_000, true],
])(
  'a clock set %s by a day: a fresh round first, seen before the next decision',
  async (_, jumpMs, slept) => {
    const { world, selfDoubt, askAll, start } = setUp();
    await start();
    world.clock.setWall(world.clock.nowMs() + jumpMs);
    // Asked by the old clock: after a step back these lie in the future.
    expect(selfDoubt.doubt).toMatchObject({ cause: 'fresh_round_pending', sinceMs: world.clock.nowMs() });
    selfDoubt.notice();
    expect(world.told).toEqual(['+clock_jumped', '-clock_jumped']);
    expect(world.doubts[0]?.values).toEqual({ jumpMs, mayHaveSlept: slept });
    expect(world.jumps).toEqual([jumpMs]);
    expect(selfDoubt.freshSinceMs).toBe(world.clock.nowMs());
    expect(selfDoubt.canaryAtMs).toBeLessThanOrEqual(world.clock.nowMs());
    askAll();
    await world.clock.pass(300);
    expect(selfDoubt.doubt).toBeUndefined();
  },
);

test('a clock that is adjusted a little did not jump', async () => {
  const { world, selfDoubt, start } = setUp();
  await start();
  world.clock.setWall(world.clock.nowMs() - 4_999);
  selfDoubt.notice();
  expect(selfDoubt.doubt).toBeUndefined();
  expect(world.jumps).toEqual([]);
});

test('a loop that stalls is noticed before the first decision after it, once', async () => {
  const { world, selfDoubt, askAll, start, turn } = setUp();
  await start();
  await world.clock.pass(2_700);
  selfDoubt.notice();
  expect(world.told).toEqual([]);
  await world.clock.pass(1);
  selfDoubt.notice();
  expect(world.told).toEqual(['+event_loop_stalled', '-event_loop_stalled']);
  expect(world.doubts[0]?.values).toEqual({ stalledMs: 2_001 });
  expect(selfDoubt.doubt?.cause).toBe('fresh_round_pending');
  expect(selfDoubt.freshSinceMs).toBe(world.clock.nowMs());
  await turn(3);
  expect(world.told).toHaveLength(2);
  askAll();
  await world.clock.pass(300);
  expect(selfDoubt.doubt).toBeUndefined();
});

test('turn() notices a stall too, and a slow start is none', async () => {
  const { world, selfDoubt, turn } = setUp();
  await world.clock.pass(minute);
  selfDoubt.notice();
  await turn();
  expect(world.told).toEqual([]);
  await world.clock.pass(10_000);
  await turn();
  expect(world.told).toEqual(['+event_loop_stalled', '-event_loop_stalled']);
});

test.each<[string, OwnCondition]>([
  ['network_down', { ...works, gatewayUp: false }],
  ['canaries_down', { canaries: { asked: 1, answered: 0 } }],
  ['dns_down', { ...works, dns: { asked: 2, answered: 0 } }],
])('%s lasts while it is found, and then a fresh round comes first', async (cause, condition) => {
  const { world, selfDoubt, askAll, start, turn } = setUp();
  await start();
  world.condition = condition;
  await turn(10);
  expect(selfDoubt.doubt?.cause).toBe(cause);
  const sinceMs = selfDoubt.doubt?.sinceMs;
  await turn(30);
  expect(selfDoubt.doubt).toMatchObject({ cause, sinceMs });
  expect(world.told).toEqual([`+${cause}`]);
  askAll();
  world.condition = works;
  await turn(10);
  expect(world.told).toEqual([`+${cause}`, `-${cause}`]);
  expect(selfDoubt.doubt).toMatchObject({ cause: 'fresh_round_pending', sinceMs: selfDoubt.freshSinceMs });
  askAll();
  await world.clock.pass(300);
  expect(selfDoubt.doubt).toBeUndefined();
});

test('another cause ends the first and begins its own time', async () => {
  const { world, selfDoubt, start, turn } = setUp();
  await start();
  world.condition = { gatewayUp: false };
  await turn(10);
  const first = selfDoubt.doubt;
  world.condition = { canaries: { asked: 1, answered: 0 } };
  await turn(10);
  expect(world.told).toEqual(['+network_down', '-network_down', '+canaries_down']);
  expect(selfDoubt.doubt?.sinceMs).toBeGreaterThan(first?.sinceMs ?? Infinity);
});

test('many hosts that turn bad at once are noticed before the next decision, until that is past', async () => {
  const { world, selfDoubt, put, askAll, badAll, start, turn } = setUp();
  await start();
  put('web0', { unhealthy: true, unhealthySinceMs: world.clock.nowMs() });
  put('web1', { unhealthy: true, unhealthySinceMs: world.clock.nowMs() });
  selfDoubt.notice();
  expect(selfDoubt.doubt).toBeUndefined();
  badAll();
  selfDoubt.notice();
  expect(selfDoubt.doubt).toMatchObject({
    cause: 'many_changed',
    values: { changed: 4, hosts: 4, allowed: 2 },
    opens: 'at most 2 hosts turning bad within 1m',
  });
  await turn(59);
  expect(selfDoubt.doubt?.cause).toBe('many_changed');
  await turn(2);
  expect(world.told).toEqual(['+many_changed', '-many_changed']);
  expect(selfDoubt.doubt?.cause).toBe('fresh_round_pending');
  askAll();
  await world.clock.pass(300);
  expect(selfDoubt.doubt).toBeUndefined();
});

test('looks come at their interval, one at a time', async () => {
  const { world, selfDoubt, turn } = setUp();
  await turn(21);
  expect(world.looks).toBe(3);
  // 21 s after the start, turned at 1, 11 and 21.
  expect(selfDoubt.canaryAtMs).toBe(world.startedAtMs + 21_000);
  world.hangs = true;
  await turn(200);
  expect(world.most).toBe(1);
  selfDoubt.stop();
  await settle();
  expect(world.looking).toBe(0);
  const { looks } = world;
  await turn(30);
  expect(world.looks).toBe(looks);
});

test('looks that hang count as failed when there are canaries, without flicker', async () => {
  const { world, selfDoubt, start, turn } = setUp();
  await start();
  world.hangs = true;
  await turn(29);
  expect(selfDoubt.doubt).toBeUndefined();
  await turn(100);
  expect(selfDoubt.doubt?.cause).toBe('canaries_down');
  expect(world.told).toEqual(['+canaries_down']);
  world.hangs = false;
  await turn(2);
  expect(world.told).toEqual(['+canaries_down', '-canaries_down']);
});

test('looks that hang are no opinion when there is only a gateway', async () => {
  const { world, selfDoubt, start, turn } = setUp({ canaries: [] });
  await start();
  world.condition = { gatewayUp: false };
  await turn(10);
  expect(selfDoubt.doubt?.cause).toBe('network_down');
  world.hangs = true;
  await turn(40);
  expect(world.told).toEqual(['+network_down', '-network_down']);
});

test('a look that a stall overtook does not count; another is made at once', async () => {
  const { world, selfDoubt, start, turn } = setUp();
  await start();
  world.hangs = true;
  world.condition = { canaries: { asked: 1, answered: 0 } };
  await turn(10);
  world.condition = works;
  world.hangs = false;
  const { looks } = world;
  await world.clock.pass(40_000);
  world.release();
  await settle();
  await turn();
  expect(world.looks).toBe(looks + 1);
  expect(world.told).toEqual(['+event_loop_stalled', '-event_loop_stalled']);
  expect(selfDoubt.doubt?.cause).toBe('fresh_round_pending');
});

test('when nothing is to be looked at any more, what was seen is no opinion', async () => {
  const { world, selfDoubt, start, turn } = setUp();
  await start();
  world.condition = { gatewayUp: false };
  await turn(10);
  expect(selfDoubt.doubt?.cause).toBe('network_down');
  world.rule = { ...world.rule, gateway: false, canaries: [] };
  const { looks } = world;
  await turn(20);
  expect(world.told).toEqual(['+network_down', '-network_down']);
  expect(world.looks).toBe(looks);
});
