/**
 * Owns templates: Liquid in one value at a time, rendered after the YAML is parsed, so that what a host tells can never
 * become YAML, template or shell code. It reads no files and keeps no state.
 */
import { Liquid, type Template as Parsed } from 'liquidjs';
import { quoteShell } from '../core/shell-quote.ts';
import { mark, placesInShell, type ShellPlace } from './shell-scan.ts';

/** What names in templates stand for. */
export type Scope = Readonly<Record<string, unknown>>;

export interface TemplateProblem {
  message: string;
  hint: string;
  /** The part of the template it is about, as written. */
  snippet?: string;
  /** A name that has no value: one more answer of a host may give it one. */
  isUnknown?: boolean;
}

export type Rendered = { text: string } | { problem: TemplateProblem };

export interface Template {
  /** All that it reads: `facts.os.id`, `labels.role` ... */
  reads: readonly string[];
  render: (scope: Scope) => Rendered;
}

export interface Condition {
  reads: readonly string[];
  /**
   * No comparison holds with a fact that is not known, also no `!=` and no `not`. A label or variable that is absent is empty, unless
   * the host waits for some of them.
   */
  holds: (scope: Scope, isPending?: boolean) => boolean;
}

/** `shell`: every value becomes one word of a command. */
export type TemplateUse = 'text' | 'shell';

/** Characters of one template, milliseconds and values of one rendering. The count below ends what is endless before. */
const limits = { parseLimit: 65_536, renderLimit: 10_000, memoryLimit: 1_000_000 };
/** Pieces of text, outputs and tags of one rendering: the same on each machine. */
const rendering = { templateLimit: 50_000 };
/** Characters. */
const renderedLimit = 65_536;

const tags = ['if', 'unless', 'case', 'for', 'break', 'continue', 'assign', 'comment', 'raw', '#'];
/** `raw` would undo the quoting; the others answer differently each time. */
const refusedFilters = ['raw', 'sample', /^date/];

/** Thrown while rendering: a value that has no text. */
class NoText extends Error {}

/** Values of one shell rendering; rendering is synchronous. */
let shellValues: string[] = [];

const engines = {
  text: createEngine(textOf),
  shell: createEngine((value) => {
    shellValues.push(textOf(value));
    return mark;
  }),
  condition: createEngine(textOf, false),
};

function createEngine(outputEscape: (value: unknown) => string, lenientIf = true): Liquid {
  const engine = new Liquid({
    strictFilters: true,
    strictVariables: true,
    ownPropertyOnly: true,
    lenientIf,
    outputEscape,
    // Nothing can be included: partials are looked up here and nowhere else.
    templates: {},
    ...limits,
  });
  for (const tag of Object.keys(engine.tags)) if (!tags.includes(tag)) delete engine.tags[tag];
  for (const name of Object.keys(engine.filters)) {
    if (refusedFilters.some((each) => (typeof each === 'string' ? each === name : each.test(name))))
      delete engine.filters[name];
  }
  return engine;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) throw new NoText('is a list; write for example `| join: " "`');
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    throw new NoText('is a map; name one value in it');
  throw new NoText('is empty; write for example `| default: "x"`');
}

/** First names that a template or condition reads and that are not known where it stands. */
export function strangers(reads: readonly string[], known: readonly string[]): string[] {
  const roots = reads.map((path) => /^[^.[]*/.exec(path)?.[0] ?? path);
  return [...new Set(roots)].filter((root) => !known.includes(root));
}

export function hasTemplate(text: string): boolean {
  return text.includes('{{') || text.includes('{%');
}

const compiled = new Map<string, Template | { problem: TemplateProblem }>();
/** Templates kept; definitions have few different ones. */
const compiledLimit = 10_000;

/** Errors: the first mistake in the template, when it could be no template of anything. */
export function compileTemplate(text: string, use: TemplateUse): Template | { problem: TemplateProblem } {
  const key = `${use} ${text}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const made = compile(text, use);
  if (compiled.size >= compiledLimit) compiled.clear();
  compiled.set(key, made);
  return made;
}

function compile(text: string, use: TemplateUse): Template | { problem: TemplateProblem } {
  const engine = engines[use];
  const misplaced = use === 'shell' ? shellProblem(text) : undefined;
  if (misplaced !== undefined) return { problem: misplaced };
  let parsed: Parsed[];
  try {
    parsed = engine.parse(text);
  } catch (error) {
    return { problem: problemOf(error) };
  }
  const reads = engine.globalFullVariablesSync(parsed);
  return { reads, render: use === 'shell' ? renderShell(parsed) : renderText(parsed) };
}

function renderText(parsed: Parsed[]): Template['render'] {
  return (scope) => attempt(() => ({ text: String(engines.text.renderSync(parsed, scope, rendering)) }));
}

/** Values are set as variables before the command and stand in it as `"${name}"`: no mistake about quotes makes one code. */
function renderShell(parsed: Parsed[]): Template['render'] {
  return (scope) =>
    attempt(() => {
      shellValues = [];
      const command = String(engines.shell.renderSync(parsed, scope, rendering));
      const values = shellValues;
      const wrong = placesInShell(command).findIndex((place) => refusals[place] !== undefined);
      const place = placesInShell(command)[wrong];
      if (place !== undefined) return { problem: refusals[place] as TemplateProblem };
      const nul = values.find((value) => value.includes('\0'));
      if (nul !== undefined)
        return { problem: { message: 'a value holds a NUL character', hint: 'no command can take it' } };
      if (values.length === 0) return { text: command };
      const set = values.map((value, index) => `_mendd_${index + 1}=${quoteShell(value)}`).join('\n');
      let index = 0;
      // Of a mark: the callback keeps `$` in the replacement from meaning anything.
      return { text: `${set}\n${command.replaceAll(mark, () => `"\${_mendd_${(index += 1)}}"`)}` };
    });
}

function attempt(render: () => Rendered): Rendered {
  try {
    const rendered = render();
    if (!('text' in rendered) || rendered.text.length <= renderedLimit) return rendered;
    const message = `makes more than ${renderedLimit.toLocaleString('en-US')} characters`;
    return { problem: { message, hint: 'write less into it' } };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}

const refusals: Partial<Record<ShellPlace, TemplateProblem>> = {
  quotes: {
    message: 'a template stands inside quotes of the shell',
    hint: 'close the quotes before it and open them after; it is quoted as one word by itself: `"a "{{ x }}" b"`',
  },
  arithmetic: {
    message: 'a template stands where the shell counts: in `$(( ))`, `[[ ]]`, `let` or `${ }`',
    hint: 'some shells run what stands there; compare with `[ ]`, count with the filters `plus` and `times`, or with expr',
  },
  code: {
    message: 'a template stands where a shell takes it for a command: after `eval`, `trap` or `sh -c`',
    hint: 'give it to the command as a word: `sh -c \'echo "$1"\' sh {{ x }}`',
  },
  here_document: {
    message: 'a template stands after `<<`',
    hint: 'set it in `env` and write `$NAME`, or use printf',
  },
  escape: { message: 'a template stands after `\\`', hint: 'delete the backslash' },
};

const template = /\{%-?\s*raw\s*-?%\}([\s\S]*?)\{%-?\s*endraw\s*-?%\}|\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g;

/** As it is written: all branches one after the other. What is rendered is judged again. */
function shellProblem(text: string): TemplateProblem | undefined {
  if (text.includes(mark))
    return { message: 'a command holds a NUL character', hint: 'no command can; delete it' };
  const outputs = [...text.matchAll(template)]
    .map(([found]) => found)
    .filter((found) => found.startsWith('{{'));
  const command = text.replaceAll(template, (found: string, verbatim?: string) =>
    found.startsWith('{{') ? mark : (verbatim ?? ''),
  );
  const places = placesInShell(command);
  const wrong = places.findIndex((place) => refusals[place] !== undefined);
  const problem = refusals[places[wrong] ?? 'word'];
  const snippet = outputs[wrong];
  return problem && { ...problem, ...(snippet === undefined ? {} : { snippet }) };
}

interface LiquidError extends Error {
  token?: { getText?: () => string };
  originalError?: Error;
}

function problemOf(thrown: unknown): TemplateProblem {
  const error = thrown as LiquidError;
  const text = error.token?.getText?.();
  const snippet = text === undefined || text === '' ? {} : { snippet: text };
  if (error.originalError instanceof NoText) {
    return {
      message: `\`${text}\` ${error.originalError.message.split('; ')[0]}`,
      hint: error.originalError.message.split('; ')[1] ?? '',
      ...snippet,
    };
  }
  const said = error.message.replace(/, line:\d+, col:\d+$/, '');
  if (error.name === 'UndefinedVariableError') {
    const name = said.replace('undefined variable: ', '');
    const hint = `write \`| default: ...\` behind it if it need not be known`;
    return { message: `\`${name}\` is not known`, hint, isUnknown: true, ...snippet };
  }
  const hint =
    'templates are Liquid: `{{ name | filter }}` and `{% if name == "x" %}...{% endif %}`; docs/configuration.md lists the names';
  const verb = error.name === 'RenderError' ? 'rendered' : 'read';
  return { message: `this template cannot be ${verb}: ${said}`, hint, ...snippet };
}

const operand = /"[^"]*"|'[^']*'|-?\d+(?:\.\d+)?|[A-Za-z_][\w-]*(?:\.[\w-]+|\[(?:"[^"]*"|'[^']*'|\d+)\])*/
  .source;
const comparison = `(?:not\\s+)?(?:${operand})(?:\\s*(?:==|!=|>=|<=|>|<|\\bcontains\\b)\\s*(?:${operand}))?`;
/** The library takes what it can read of an expression and forgets the rest. */
const conditionPattern = new RegExp(`^\\s*${comparison}(?:\\s+(?:and|or)\\s+${comparison})*\\s*$`);
/** Each comparison of what is a condition. */
const comparisonPattern = new RegExp(
  `(?<=^\\s*|\\s(?:and|or)\\s+)${comparison}(?=\\s+(?:and|or)\\s|\\s*$)`,
  'g',
);

/** Liquid binds neither tighter, other languages do. */
const mixed: TemplateProblem = {
  message: '`and` and `or` stand in one condition',
  hint: 'what belongs together cannot be told; keep to one of them, for example with a label or variable for the rest',
};

/** A Liquid expression without braces: `facts.os.id == "debian"`. Not both `and` and `or`. */
export function compileCondition(expression: string): Condition | { problem: TemplateProblem } {
  const hint =
    'write for example `facts.os.id == "debian"` or `labels.role == "web" and facts.cpus > 4`, without braces';
  if (hasTemplate(expression) || /[%}]\}/.test(expression))
    return { problem: { message: 'a condition is written without braces', hint } };
  if (!conditionPattern.test(expression) || / (and|or)\s*$/.test(expression))
    return { problem: { message: 'this is no condition', hint } };
  const words = new Set(expression.replaceAll(/"[^"]*"|'[^']*'/g, '').match(/\b(?:and|or)\b/g));
  if (words.size > 1) return { problem: mixed };
  try {
    const comparisons = [...expression.matchAll(comparisonPattern)].map(([found]) =>
      compileComparison(found),
    );
    let index = 0;
    const joined = questionOf(expression.replaceAll(comparisonPattern, () => `c${(index += 1)}`));
    return {
      reads: comparisons.flatMap(({ reads }) => reads),
      holds(scope, isPending = false) {
        const answers = comparisons.map(({ holds }, at) => [`c${at + 1}`, holds(scope, isPending)] as const);
        return isTrue(joined, Object.fromEntries(answers), true);
      },
    };
  } catch (error) {
    return { problem: { ...problemOf(error), hint } };
  }
}

function compileComparison(expression: string): Condition {
  const parsed = questionOf(expression);
  const reads = engines.condition.globalFullVariablesSync(parsed);
  const isOfOthers = strangers(reads, ['labels', 'vars']).length > 0;
  return { reads, holds: (scope, isPending = false) => isTrue(parsed, scope, isOfOthers || isPending) };
}

function questionOf(expression: string): Parsed[] {
  return engines.condition.parse(`{% if ${expression} %}true{% endif %}`);
}

/** `strictVariables`: what reads an unknown name is false as a whole. */
function isTrue(parsed: Parsed[], scope: Scope, strictVariables: boolean): boolean {
  const rendered = attempt(() => ({
    text: String(engines.condition.renderSync(parsed, scope, { ...rendering, strictVariables })),
  }));
  return 'text' in rendered && rendered.text === 'true';
}
