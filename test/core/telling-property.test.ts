import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Conversation, type Member, placeOf } from '../../core/conversation.ts';
import type { Severity } from '../../core/daemon-config.ts';
import { join, type MemberFacts, type Policy, type Saying, stepConversation } from '../../core/telling.ts';

/** A fleet of a few problems, one target, and everything that was said to it. */
class Desk {
  nowMs = 1_000_000;
  readonly facts = new Map<string, MemberFacts>();
  readonly said: { atMs: number; say: Saying; id: string; told: Member[]; severities: Severity[] }[] = [];
  /** Problems that were asked to be told, and the present ones among them. */
  open: Conversation[] = [];
  readonly ended: Conversation[] = [];
  policy: Policy = { waitMs: 0, intervalMs: 60_000 };
  #ids = 0;
  #episodes = 0;
  readonly #episode = new Map<string, string>();
  /** Places whose present problem was asked to be told. */
  readonly asked = new Set<string>();

  begin(place: string, severity: Severity, root?: string): void {
    if (this.facts.get(place)?.state === 'problem') return;
    this.#episodes += 1;
    this.#episode.set(place, `e${this.#episodes}`);
    this.facts.set(place, { state: 'problem', severity, suppressed: false, ...(root ? { root } : {}) });
  }

  change(place: string, change: Partial<MemberFacts>): void {
    const known = this.facts.get(place);
    if (known?.state === 'problem') this.facts.set(place, { ...known, ...change });
  }

  end(place: string, state: 'ok' | 'gone'): void {
    const known = this.facts.get(place);
    if (known === undefined) return;
    this.facts.set(place, { state, severity: known.severity, suppressed: false });
    this.asked.delete(place);
    this.turn();
  }

  ask(place: string, cause: string, group: boolean): void {
    const known = this.facts.get(place);
    const [host = '', check = ''] = place.split('/');
    if (known?.state !== 'problem') return;
    this.asked.add(place);
    const joined = join(
      this.open,
      {
        member: {
          host,
          ladder: `${check}.ladder`,
          runbook: 'app',
          check,
          episode: this.#episode.get(place) ?? '',
          cause: `${this.#episode.get(place) ?? ''} ${cause}`,
          severity: known.severity,
          sinceMs: this.nowMs,
          askedMs: this.nowMs,
        },
        target: 'oncall',
        route: 'all',
        ...(group ? { shared: { role: 'web' } } : {}),
        ...(known.root === undefined ? {} : { root: known.root }),
      },
      () => `c${(this.#ids += 1)}`,
    );
    if (joined === undefined) return;
    this.open = [...this.open.filter(({ id }) => id !== joined.id), joined];
    this.#step(joined);
  }

  turn(): void {
    for (const each of this.open) this.#step(each);
  }

  #step(before: Conversation): void {
    const factsOf = (member: Member): MemberFacts =>
      this.facts.get(placeOf(member)) ?? { state: 'gone', severity: 'info', suppressed: false };
    // As the ledger keeps it.
    const kept = JSON.parse(JSON.stringify(before)) as Conversation;
    const { conversation, say, rest } = stepConversation(kept, factsOf, this.policy, this.nowMs);
    this.open = [...this.open.filter(({ id }) => id !== before.id), ...(rest === undefined ? [] : [rest])];
    if (conversation.endedMs === undefined) this.open.push(conversation);
    else this.ended.push(conversation);
    if (say === undefined) return;
    const told = conversation.members.filter(({ toldMs }) => toldMs !== undefined);
    const severities = told.map((each) => each.toldSeverity ?? each.severity);
    this.said.push({ atMs: this.nowMs, say, id: conversation.id, told, severities });
  }

  /** Lets everything that waits come out. */
  calm(): void {
    const { quietExcept: _quiet, ...policy } = this.policy;
    this.policy = policy;
    for (let turn = 0; turn < 10; turn += 1) {
      this.nowMs += 3_600_000;
      this.turn();
    }
  }
}

const places = ['sw-1/host', 'web-1/host', 'web-1/app.http', 'web-2/app.http'];
const severities: readonly Severity[] = ['warning', 'error', 'critical'];
const place = fc.constantFrom(...places);
const roots = fc.option(fc.constantFrom('sw-1/host', 'web-1/host'), { nil: undefined });

type Act = (desk: Desk) => void;
const trouble = fc
  .tuple(place, fc.constantFrom(...severities), roots, fc.constantFrom('gave_up', 'late'), fc.boolean())
  .map(
    ([at, severity, root, cause, group]): Act =>
      (desk) => {
        desk.begin(at, severity, root === at ? undefined : root);
        desk.ask(at, cause, group);
      },
  );
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: trouble },
  {
    weight: 3,
    arbitrary: fc.tuple(place, fc.constantFrom('ok' as const, 'ok' as const, 'gone' as const)).map(
      ([at, how]): Act =>
        (desk) =>
          desk.end(at, how),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(place, fc.constantFrom(...severities)).map(
      ([at, severity]): Act =>
        (desk) =>
          desk.change(at, { severity }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(place, fc.boolean()).map(
      ([at, suppressed]): Act =>
        (desk) =>
          desk.change(at, { suppressed }),
    ),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom(1_000, 60_000, 600_000), fc.integer({ min: 1, max: 6 })).map(
      ([ms, turns]): Act =>
        (desk) => {
          for (let turn = 0; turn < turns; turn += 1) {
            desk.nowMs += ms;
            desk.turn();
          }
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.option(fc.subarray([...severities], { maxLength: 2 }), { nil: undefined }).map(
      (pass): Act =>
        (desk) => {
          const { quietExcept: _before, ...policy } = desk.policy;
          desk.policy = pass === undefined ? policy : { ...policy, quietExcept: pass };
        },
    ),
  },
);

const run = fc.record({
  acts: fc.array(act, { maxLength: 60 }),
  waitMs: fc.constantFrom(0, 30_000, 600_000),
  intervalMs: fc.constantFrom(0, 60_000, 300_000),
  times: fc.constantFrom(0, 1, 3),
});

function play({
  acts,
  waitMs,
  intervalMs,
  times,
}: typeof run extends fc.Arbitrary<infer T> ? T : never): Desk {
  const desk = new Desk();
  desk.policy = { waitMs, intervalMs, ...(times === 0 ? {} : { repeat: { everyMs: 600_000, times } }) };
  for (const each of acts) {
    const quiet = desk.policy.quietExcept;
    const before = desk.said.length;
    each(desk);
    for (const { severities: told } of desk.said.slice(before)) {
      const now = desk.policy.quietExcept;
      // The act itself may have begun or ended the quiet hours; nothing is said by that.
      if (quiet !== undefined && now === quiet)
        expect(told.some((severity) => quiet.includes(severity))).toBe(true);
    }
  }
  return desk;
}

test('each conversation begins with one problem, ends with one recovery, and nothing comes after it', () => {
  fc.assert(
    fc.property(run, (given) => {
      const desk = play(given);
      for (const at of places) desk.end(at, 'ok');
      desk.calm();
      expect(desk.open).toEqual([]);
      for (const id of new Set(desk.said.map((each) => each.id))) {
        const said = desk.said.filter((each) => each.id === id);
        const kinds = said.map(({ say }) => say);
        expect(kinds[0]).toBe('problem');
        expect(kinds.at(-1)).toBe('recovery');
        expect(kinds.slice(1, -1).every((say) => say === 'update' || say === 'repeat')).toBe(true);
        expect(kinds.filter((say) => say === 'repeat').length).toBeLessThanOrEqual(given.times);
        const times = said.map(({ atMs }) => atMs);
        expect(times).toEqual(times.toSorted((a, b) => a - b));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a problem that was asked to be told and lasts is told once nothing holds it, in one conversation', () => {
  fc.assert(
    fc.property(run, (given) => {
      const desk = play(given);
      for (const at of places) desk.change(at, { suppressed: false });
      desk.calm();
      for (const at of desk.asked) {
        const isPresent = (each: Member): boolean => placeOf(each) === at && each.overMs === undefined;
        const holders = desk.open.filter(({ members }) => members.some(isPresent));
        expect(holders).toHaveLength(1);
        const root = desk.facts.get(at)?.root;
        // Behind another trouble it is told with the next message about that one.
        if (root === undefined) expect(holders[0]?.members.find(isPresent)?.toldMs).toBeDefined();
      }
    }),
    { numRuns: 2_000 },
  );
});

test('no two first messages tell of one episode', () => {
  fc.assert(
    fc.property(run, (given) => {
      const desk = play(given);
      desk.calm();
      const firsts = desk.said
        .filter(({ say }) => say === 'problem')
        .flatMap(({ told }) => told.map(({ host, ladder, episode }) => `${host} ${ladder} ${episode}`));
      expect(new Set(firsts).size).toBe(firsts.length);
    }),
    { numRuns: 2_000 },
  );
});
