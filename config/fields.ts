/**
 * Owns the building blocks of the schema: texts that mean something, strict maps, shorthands. A reader here knows one
 * value; what values mean together is checked by the resolve files.
 */
import { z } from 'zod';
import type { RunLimit } from '../core/definitions.ts';
import { parseDuration, parseRate, parseRunLimit } from '../core/duration.ts';
import type { Parsed } from '../core/types.ts';
import { hasTemplate } from './templates.ts';

/** JSON Schema of one text. */
interface TextShape {
  pattern?: string;
  examples?: readonly string[];
  enum?: readonly string[];
}

/** Carried by an issue of ours; config/zod-problems.ts reads it. */
export interface IssueNote {
  /** What was expected, when the type was wrong. */
  expected?: string;
}

/**
 * A text with a meaning. `read` answers the value or `what is wrong; what to do`. Numbers reach it only when
 * `numbers` says so, to be told what is missing.
 */
export function text<T>(
  expected: string,
  shape: TextShape,
  read: (input: string) => Parsed<T>,
  options: { numbers?: boolean } = {},
): z.ZodType<T> {
  return z
    .unknown()
    .transform((input, context): T => {
      const readable = typeof input === 'string' || (options.numbers === true && typeof input === 'number');
      const answer: Parsed<T> = readable ? read(String(input)) : { problem: `expected ${expected}` };
      if ('value' in answer) return answer.value;
      const params: IssueNote = readable ? {} : { expected };
      context.issues.push({ code: 'custom', input, message: answer.problem, params: { ...params } });
      return z.NEVER;
    })
    .meta({ type: 'string', ...(shape as object) });
}

const secretReference = /\$\{(?:(?:env|cred):[A-Za-z_][\w.-]*|file:[/.~][^}]*)\}/;

/** What no text may hold, wherever it stands. */
function refuseText(input: string): string | undefined {
  if (input.trim() === '') return 'is empty; write a value, or delete the key';
  if (input.includes('\0')) return 'holds a NUL character; delete it';
  if (secretReference.test(input)) {
    return 'secrets are not read here; they can stand in ssh.identity, ssh.action_identity, ssh.passphrase, webhook urls, and the urls, passwords, tokens and keys of `notify`';
  }
  return undefined;
}

/** Long texts are recognised without being repeated. */
function shown(input: string): string {
  return input.length > 60 ? '' : `\`${input.replaceAll('\n', ' ')}\` `;
}

/** Any text of at least one character, without secrets. Limits: 64 KiB. */
export function plain(expected = 'text'): z.ZodType<string> {
  return matching(
    expected,
    /^[\s\S]{1,65536}$/,
    'is longer than 65,536 characters; put it into a file or a plugin',
  );
}

/** The same, or a template that makes it; what it makes is judged again by `inner`. */
export function templated(inner: z.ZodType<string>): z.ZodType<string> {
  const { pattern: _plain, ...shape } = inner.meta() ?? {};
  return text('text', shape as TextShape, (input) => {
    if (hasTemplate(input)) return { value: input };
    const parsed = inner.safeParse(input);
    return parsed.success
      ? { value: parsed.data }
      : { problem: parsed.error.issues[0]?.message ?? 'is wrong' };
  });
}

/** A text of one form; `problem` says what is wrong and what to do. */
export function matching(expected: string, pattern: RegExp, problem: string): z.ZodType<string> {
  const shape = pattern.source.includes('[\\s\\S]') ? { minLength: 1 } : { pattern: pattern.source };
  return text(expected, shape, (input) => {
    const refused = refuseText(input) ?? (pattern.test(input) ? undefined : `${shown(input)}${problem}`);
    return refused === undefined ? { value: input } : { problem: refused };
  });
}

/** Milliseconds from `5m`. Both bounds are allowed values. */
export function duration(bounds: { min?: string; max?: string } = {}): z.ZodType<number> {
  const { min = '1ms', max = '7d' } = bounds;
  return text(
    'a duration such as `30s`',
    { pattern: '^(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$', examples: ['30s', '5m', '1h30m'] },
    (input) => {
      const parsed = parseDuration(input);
      if ('problem' in parsed) return parsed;
      if (parsed.value < milliseconds(min)) return { problem: `${input} is too short; the least is ${min}` };
      if (parsed.value > milliseconds(max)) return { problem: `${input} is too long; the most is ${max}` };
      return parsed;
    },
    { numbers: true },
  );
}

/** Of a text written in this source, so that a slip is a bug. */
export function milliseconds(written: string): number {
  const parsed = parseDuration(written);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.value;
}

export function runLimit(): z.ZodType<RunLimit> {
  const shape = { pattern: '^\\d+\\s+per\\s+\\S+$', examples: ['3 per 1h'] };
  return text('a limit such as `3 per 1h`', shape, parseRunLimit, { numbers: true });
}

/** Per second, from `50/s`. */
export function rate(): z.ZodType<number> {
  const shape = { pattern: '^\\d+(\\.\\d+)?\\s*/\\s*(s|m|h)$', examples: ['50/s'] };
  return text('a rate such as `50/s`', shape, parseRate, { numbers: true });
}

/** 0..100 from `80%`. */
export function percent(): z.ZodType<number> {
  return text(
    'a percentage such as `80%`',
    { pattern: '^\\d+(\\.\\d+)?%$', examples: ['80%'] },
    (input) => {
      const number = Number(/^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(input)?.[1] ?? Number.NaN);
      if (number <= 100) return { value: number };
      if (number > 100) return { problem: `${input} is more than 100%; write at most \`100%\`` };
      return {
        problem: `\`${input}\` is not a percentage; write \`${Number(input) <= 100 ? `${input}%` : '80%'}\``,
      };
    },
    { numbers: true },
  );
}

/** One of a few words; `later` are words of the language that this version does not know yet. */
export function word<const T extends string>(
  words: readonly T[],
  later: readonly string[] = [],
): z.ZodType<T> {
  const list = words.map((each) => `\`${each}\``).join(' or ');
  return text(list, { enum: words }, (input) => {
    const known = words.find((each) => each === input);
    if (known !== undefined) return { value: known };
    const message = later.includes(input)
      ? `\`${input}\` is not supported yet`
      : `\`${input}\` is not known here`;
    return { problem: `${message}; write ${list}` };
  });
}

/** Written as text that may hold `${env:NAME}`, `${file:/path}` or `${cred:NAME}`; config/secrets.ts reads it. */
export interface SecretText {
  reference: string;
}

export function secret(): z.ZodType<SecretText> {
  const shape = { examples: ['${env:NAME}', '${file:/path}', '${cred:NAME}'] };
  return text('a secret such as `${env:NAME}`', shape, (input) => {
    return input.trim() === ''
      ? { problem: 'is empty; write for example `${env:NAME}`' }
      : { value: { reference: input } };
  });
}

/** The one truth value that says something beside a longer form. */
export function only<const T extends boolean>(value: T): z.ZodType<T> {
  return z
    .unknown()
    .transform((input, context): T => {
      if (input === value) return value;
      context.issues.push({
        code: 'custom',
        input,
        message: `expected \`${value}\``,
        params: { expected: `\`${value}\`` } satisfies IssueNote,
      });
      return z.NEVER;
    })
    .meta({ type: 'boolean', const: value });
}

/** Whole numbers; both bounds are allowed. */
export function whole(min: number, max: number): z.ZodType<number> {
  return z.number().int().min(min).max(max);
}

/** Keys of later steps with names that can mean nothing else, so that they are told apart from slips everywhere. */
const laterEverywhere = new Set('cluster coordinator ipmi public_status'.split(' '));

/** What an unknown key is judged by. Travels as text, since that is all zod lets an error carry. */
export interface KeyNote {
  known: string[];
  later: string[];
}

/** A map with these keys and no others. `later` are keys of later steps. */
export function map<T extends z.ZodRawShape>(shape: T, later: string = ''): z.ZodObject<T, z.core.$strict> {
  const known = Object.keys(shape);
  const note: KeyNote = {
    known,
    later: [...laterEverywhere, ...later.split(' ')].filter((key) => key !== '' && !known.includes(key)),
  };
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? JSON.stringify(note) : undefined),
  });
}

/** A map of things with names of their own. */
export function named<T extends z.ZodType>(
  kind: string,
  pattern: RegExp,
  rule: string,
  each: T,
): z.ZodRecord<z.ZodString, T> {
  return z.record(z.string().regex(pattern, { error: `is no name for ${kind}; ${rule}` }), each);
}
