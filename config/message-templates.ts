/**
 * Owns templates of messages: the names they know, the judgement when the daemon file is read, and the rendering when a message
 * is written. What the names stand for in a message is put together by daemon/.
 */
import type { MessageWords } from '../core/messages-config.ts';
import { type ProblemList, suggest } from './problems.ts';
import { compileTemplate, strangers } from './templates.ts';
import { addProblem, placeOfSnippet } from './tree-templates.ts';
import type { Tree } from './yaml-tree.ts';

/** One problem, as templates see it. */
export interface ProblemScope {
  host: string;
  check: string;
  runbook: string;
  state: string;
  severity: string;
  output: string;
  /** RFC 3339. */
  since: string;
  /** In words. */
  lasted: string;
  url: string;
  over: boolean;
  labels: Readonly<Record<string, string>>;
}

/** What templates of messages know; of several problems the first gives the names that are one problem's. */
export interface MessageScope extends ProblemScope {
  /** `problem`, `update`, `repeat` or `recovery`. */
  kind: string;
  /** The built-in words. */
  title: string;
  text: string;
  target: string;
  route: string;
  count: number;
  problems: readonly ProblemScope[];
}

const problem: ProblemScope = {
  host: 'web-1',
  check: 'web.http',
  runbook: 'web',
  state: 'critical',
  severity: 'critical',
  output: 'refused',
  since: '2026-01-01T00:00:00.000Z',
  lasted: '5m',
  url: 'https://mendd.example/',
  over: false,
  labels: {},
};
/** To try a template on when it is read. */
const sample: MessageScope = {
  ...problem,
  kind: 'problem',
  title: 'web-1 web: http is critical',
  text: 'http is CRITICAL',
  target: 'oncall',
  route: 'web',
  count: 1,
  problems: [problem],
};

/** Characters of what a template makes. */
const longestText = 20_000;

/** What is wrong with a template goes to the problems, at its own place. */
export function judgeMessageTemplate(tree: Tree | undefined, problems: ProblemList): void {
  if (tree === undefined || typeof tree.value !== 'string') return;
  const compiled = compileTemplate(tree.value, 'text');
  if ('problem' in compiled) {
    addProblem(problems, tree, compiled.problem);
    return;
  }
  const known = Object.keys(sample);
  const [stranger] = strangers(compiled.reads, known);
  if (stranger !== undefined) {
    const place = placeOfSnippet(tree, stranger);
    problems.add(place, `templates of messages know no \`${stranger}\``, suggest(stranger, known));
    return;
  }
  const rendered = compiled.render({ ...sample });
  if (!('problem' in rendered)) return;
  // Which labels a host has is not known here.
  const isOfLabels = rendered.problem.isUnknown === true && /\blabels\b/.test(rendered.problem.message);
  if (!isOfLabels) addProblem(problems, tree, rendered.problem);
}

/** What the templates make of a message; `problem` when one of them cannot, and then nothing else. */
export function renderMessage(
  { subject, text }: MessageWords,
  scope: MessageScope,
): { subject?: string; text?: string } | { problem: string } {
  const made: { subject?: string; text?: string } = {};
  for (const [name, template] of [
    ['subject', subject],
    ['text', text],
  ] as const) {
    if (template === undefined) continue;
    const compiled = compileTemplate(template, 'text');
    const rendered = 'problem' in compiled ? compiled : compiled.render({ ...scope });
    if ('problem' in rendered) return { problem: `\`${name}\`: ${rendered.problem.message}` };
    made[name] = rendered.text.slice(0, longestText);
  }
  return made;
}
