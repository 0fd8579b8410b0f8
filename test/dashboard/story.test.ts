/** One story of what several lists of the API tell: nothing lost, nothing twice, nothing of another check. */
import { expect, test } from 'vitest';
import type {
  DecisionAnswer,
  MessageAnswer,
  RunItemAnswer,
  TransitionAnswer,
} from '../../dashboard/http/wire-types.ts';
import { storyOf } from '../../dashboard/parts/moments.ts';
import { merged } from '../../dashboard/parts/run-pages.ts';

const at = (second: number): string => new Date(second * 1000).toISOString();

function decision(id: number, verdict: DecisionAnswer['verdict'], ladder = 'app.restart'): DecisionAnswer {
  const place = { host: 'h', ladder, action: ladder, check: 'app.c', reason: 'too_short', gates: [] };
  return { id, at: at(id), lastAt: at(id), count: 1, verdict, ...place };
}

function run(second: number, ladder = 'app.restart'): RunItemAnswer {
  const place = { host: 'h', ladder, action: ladder, kind: 'command', episode: 'e', attempt: 1 };
  const told = { decidedBy: 'rule', reason: '', command: '', revision: '', notAfter: at(second) };
  return { id: `run ${second}`, decidedAt: at(second), status: 'verified', ...place, ...told };
}

const change: TransitionAnswer = {
  id: 1,
  at: at(1),
  host: 'h',
  check: 'app.c',
  from: 'ok',
  to: 'critical',
  type: 'hard',
  attempt: 1,
  text: '',
  flapping: false,
  percent: 0,
  percentWithoutActions: 0,
  afterAction: false,
};
const message: MessageAnswer = {
  id: '1',
  key: 'k',
  target: 'pager',
  kind: 'problem',
  host: 'h',
  ladder: 'app.restart',
  subject: '',
  status: 'sent',
  createdAt: at(5),
  attempts: 1,
};

interface Lists {
  changes?: TransitionAnswer[];
  decisions?: DecisionAnswer[];
  runs?: RunItemAnswer[];
  messages?: MessageAnswer[];
}

/** `unfinished`: the lists that have another page. */
function story(lists: Lists, unfinished: readonly (keyof Lists)[] = [], ladders: readonly string[] = []) {
  const page = <T>(name: keyof Lists, items: T[] = []) =>
    unfinished.includes(name) ? { items, next: 'more' } : { items };
  const { moments, older } = storyOf({
    check: 'app.c',
    ladders,
    changes: page('changes', lists.changes),
    decisions: page('decisions', lists.decisions),
    runs: page('runs', lists.runs),
    messages: page('messages', lists.messages),
  });
  return { keys: moments.map(({ key }) => key), older };
}

test('changes, decisions, runs and messages of one check in their order, newest first', () => {
  const { keys, older } = story({
    changes: [change, { ...change, id: 2, check: 'app.other' }],
    decisions: [decision(2, 'held'), decision(3, 'act')],
    runs: [run(4), run(6, 'other.clean')],
    messages: [message, { ...message, id: '2', ladder: 'other.clean' }],
  });
  expect(keys).toEqual(['message 1', 'run 4', 'decision 2', 'change 1']);
  expect(older).toBeUndefined();
});

test('of a check that no action watches it is told who was told', () => {
  const messages = ['check:app.c', 'check:app.other'].map((ladder) => ({ ...message, id: ladder, ladder }));
  expect(story({ changes: [change], messages }).keys).toEqual(['message check:app.c', 'change 1']);
});

test('runs of the check are told though the page has no decision of theirs', () => {
  expect(story({ runs: [run(4), run(6, 'other.clean')] }, [], ['app.restart']).keys).toEqual(['run 4']);
});

test('a page of the story ends where the first of its lists does, and the next begins there', () => {
  const lists = {
    changes: [{ ...change, id: 9, at: at(9) }, change],
    // All of another check, and yet nothing is known of ours before them.
    runs: [run(8, 'other.clean'), run(6, 'other.clean')],
    decisions: [decision(7, 'held'), decision(2, 'held')],
  };
  expect(story(lists, ['runs'])).toEqual({ keys: ['change 9', 'decision 7'], older: at(6) });
  expect(story(lists, ['runs', 'changes'])).toMatchObject({ older: at(6) });
  expect(story(lists, ['decisions'])).toEqual({
    keys: ['change 9', 'decision 7', 'decision 2'],
    older: at(2),
  });
  expect(story(lists).keys).toEqual(['change 9', 'decision 7', 'decision 2', 'change 1']);
});

test('runs and what was held back are one list, page by page without a hole', () => {
  const runs = { items: [run(9), run(7)], next: 'more' };
  const decisions = { items: [decision(8, 'held'), decision(6, 'held'), decision(5, 'act')] };
  expect(merged(runs, undefined)).toMatchObject({ older: at(7), rows: [{ at: at(9) }, { at: at(7) }] });
  // Older than the last run that is known there may be runs that are not: it belongs to the next page.
  const page = merged(runs, decisions);
  expect(page.rows.map((row) => row.at)).toEqual([at(9), at(8), at(7)]);
  expect(page.older).toBe(at(7));
  const last = merged({ items: [run(7)] }, decisions);
  expect(last.rows.map((row) => row.at)).toEqual([at(8), at(7), at(6)]);
  expect(last.older).toBeUndefined();
});
