/**
 * Owns the reading of one `if …` statement of Monit into its parts: what is tested, for how many cycles, what is done, and
 * what is done when it is over. Source: monit(1), Service Tests, Action, Fault Tolerance.
 */
import type { MonitStatement, MonitWord } from './monit-source.ts';

export interface MonitAction {
  /** `alert`, `restart`, `start`, `stop`, `exec`, `unmonitor`. */
  what: string;
  command?: string;
  user?: string;
  repeats: boolean;
}

export interface MonitCondition {
  /** What is tested, in lower case but for values; a quoted value is `§0§`, its text is in `values`. */
  text: string;
  values: readonly string[];
  /** Failures in a row, or so many of the last so many cycles. */
  cycles: { count: number; of: number };
  action: MonitAction;
  /** After `else`. */
  otherwise?: MonitAction;
}

const mark = /§(\d+)§/g;
const some = String.raw`(?:for )?(\d{1,4}) (?:times? )?(?:within|in) (\d{1,4}) cycles?|(?:for )?(\d{1,4}) (?:times? )?cycles?`;

export function readCondition(statement: MonitStatement): MonitCondition | undefined {
  const values: string[] = [];
  const parts = splitAt(statement.words, 'then');
  const [test = [], done, after] = parts;
  if (done === undefined) return undefined;
  let text = textOf(test, values);
  const found = new RegExp(`(?:^|\\s)(?:${some})(?=\\s|$)`, 'i').exec(text);
  if (found !== null && !/restarts?$/i.test(found[0]))
    text = `${text.slice(0, found.index)} ${text.slice(found.index + found[0].length)}`
      .replaceAll(/\s+/g, ' ')
      .trim();
  const count = Number(found?.[1] ?? found?.[3] ?? 1);
  const of = Number(found?.[2] ?? count);
  const action = actionOf(beforeElse(done));
  const otherwise = after === undefined ? undefined : actionOf(after);
  if (action === undefined) return undefined;
  const cycles = { count: Math.max(1, count), of: Math.max(1, count, of) };
  return { text, values, cycles, action, ...(otherwise === undefined ? {} : { otherwise }) };
}

/** The text of a value that may have been quoted. */
export function valueOf({ values }: Pick<MonitCondition, 'values'>, text: string): string {
  return text.replaceAll(mark, (_, index: string) => values[Number(index)] ?? '');
}

/** `if 5 restarts within 10 cycles then …`, in whichever words. */
export function readRestarts(
  statement: MonitStatement,
): { restarts: number; cycles: number; what: string } | undefined {
  const text = textOf(statement.words, []);
  const found = /^(\d{1,4}) restarts? (?:within |in )?(\d{1,4}) cycles? then (\w+)/i.exec(text);
  if (found === null) return undefined;
  const [, restarts, cycles, what = ''] = found;
  return {
    restarts: Math.max(1, Number(restarts)),
    cycles: Math.max(1, Number(cycles)),
    what: what.toLowerCase(),
  };
}

function textOf(words: readonly MonitWord[], values: string[]): string {
  const texts = words.map(({ text, isQuoted }) =>
    isQuoted ? `§${values.push(text) - 1}§` : text.replaceAll('§', '?'),
  );
  return texts.join(' ').trim();
}

function splitAt(words: readonly MonitWord[], end: string): MonitWord[][] {
  const parts: MonitWord[][] = [[]];
  for (const word of words) {
    if (!word.isQuoted && word.text.toLowerCase() === end) parts.push([]);
    else parts.at(-1)?.push(word);
  }
  return parts;
}

function beforeElse(words: readonly MonitWord[]): readonly MonitWord[] {
  const end = words.findIndex(({ text, isQuoted }) => !isQuoted && text.toLowerCase() === 'else');
  return end === -1 ? words : words.slice(0, end);
}

function actionOf(words: readonly MonitWord[]): MonitAction | undefined {
  const [first, ...rest] = words;
  if (first === undefined) return undefined;
  const what = first.text.toLowerCase();
  const repeats = rest.some(({ text, isQuoted }) => !isQuoted && text.toLowerCase() === 'repeat');
  const command = what === 'exec' ? rest[0]?.text : undefined;
  const user = userOf(rest);
  return {
    what: what === 'timeout' ? 'unmonitor' : what,
    repeats,
    ...(command === undefined ? {} : { command }),
    ...(user === undefined ? {} : { user }),
  };
}

/** From `as uid NAME`. */
export function userOf(words: readonly MonitWord[]): string | undefined {
  const at = words.findIndex(({ text, isQuoted }) => !isQuoted && text.toLowerCase() === 'uid');
  const name = at === -1 ? undefined : words[at + 1]?.text;
  return name !== undefined && /^[A-Za-z_][A-Za-z0-9._-]{0,63}$/.test(name) ? name : undefined;
}
