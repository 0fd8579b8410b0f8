import { expect, test } from 'vitest';
import type { NowAnswer } from '../../dashboard/http/wire-types.ts';
import type { Freshness } from '../../dashboard/live/freshness.ts';
import { iconOf, sentenceOf, toneOf, verdictOf } from '../../dashboard/verdict.ts';

const live: Freshness = { kind: 'live', ageMs: 1_000 };

function nowWith(verdict: Partial<NowAnswer['verdict']>, more: object = {}): NowAnswer {
  const counts = { needYou: 0, healing: 0, problems: 0, unreachable: 0, stale: 0, ok: 10, sentence: '' };
  return {
    verdict: { ...counts, ...verdict },
    health: { ready: true, problems: [] },
    automation: {},
    definitions: { lastReloadOk: true },
    ...more,
  } as unknown as NowAnswer;
}

function told(now: NowAnswer, freshness = live): string {
  const verdict = verdictOf(now, freshness);
  return verdict === undefined ? '' : `${verdict.tone}: ${sentenceOf(verdict)}`;
}

test('what needs a person weighs most, then what is wrong, then what heals itself', () => {
  expect(told(nowWith({}))).toBe('ok: 10 OK');
  expect(told(nowWith({ healing: 1 }))).toBe('busy: 1 healing · 10 OK');
  expect(told(nowWith({ healing: 1, problems: 2 }))).toBe('warn: 1 healing · 2 problems · 10 OK');
  expect(told(nowWith({ unreachable: 1 }))).toBe('warn: 1 unreachable · 10 OK');
  expect(told(nowWith({ stale: 3 }))).toBe('warn: 3 stale · 10 OK');
  expect(told(nowWith({ needYou: 1, problems: 1 }))).toBe('bad: 1 needs you · 1 problem · 10 OK');
  expect(told(nowWith({ needYou: 2 }))).toBe('bad: 2 need you · 10 OK');
});

test('no result at all is not green', () => {
  expect(told(nowWith({ ok: 0 }))).toBe('calm: 0 OK');
});

test.each([
  ['a pause', { automation: { paused: { by: 'ann' } } }],
  ['self-doubt', { automation: { doubt: { cause: 'network_down' } } }],
  ['a ledger that is not trusted', { automation: { quarantine: { cause: 'restored' } } }],
  ['a refused reload', { definitions: { lastReloadOk: false } }],
  ['held definitions', { definitions: { lastReloadOk: true, held: {} } }],
  ['a rollback', { definitions: { lastReloadOk: true, rollback: {} } }],
  ['a daemon that is not well', { health: { ready: false, problems: ['x'] } }],
])('%s is not green', (_what, more) => {
  expect(told(nowWith({}, more))).toBe('warn: 10 OK');
  expect(toneOf(nowWith({}, more)), 'no "All clear" either').toBe('warn');
});

test('what is stale has no colour at all', () => {
  const verdict = verdictOf(nowWith({ needYou: 1 }), { kind: 'stale', ageMs: 20_000, why: 'no_answer' });
  expect(verdict?.tone).toBe('calm');
  expect(new Set(verdict?.parts.map(({ tone }) => tone))).toEqual(new Set(['calm']));
});

test('each verdict has an icon of another shape', () => {
  const shapes = (['bad', 'warn', 'busy', 'ok', 'calm'] as const).map((tone) =>
    decodeURIComponent(iconOf(tone)).replace(/fill="#\w{6}"/, ''),
  );
  expect(new Set(shapes).size).toBe(5);
  for (const shape of shapes) expect(shape).toMatch(/^data:image\/svg\+xml,<svg /);
});
