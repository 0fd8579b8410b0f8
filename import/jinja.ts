/**
 * Owns the statements of a Jinja2 template: from text to a tree of texts, outputs, conditions and loops, with lines. It
 * evaluates nothing; expressions are read in import/jinja-expression.ts.
 */
import { type Expression, parseExpression } from './jinja-expression.ts';

export interface Branch {
  condition: Expression | undefined;
  body: readonly JinjaNode[];
}

/** `inline`: it stands within one line, so it is part of one value. `source` is shown to people. */
export type JinjaNode = { line: number } & (
  | { kind: 'text'; text: string }
  | { kind: 'output'; value: Expression; source: string }
  | { kind: 'if'; branches: readonly Branch[]; otherwise: readonly JinjaNode[]; inline: boolean }
  | { kind: 'for'; name: string; over: Expression; body: readonly JinjaNode[]; inline: boolean }
  | { kind: 'set'; name: string; value: Expression }
  | { kind: 'unsaid'; source: string; problem: string }
);

export interface JinjaProblem {
  line: number;
  message: string;
}

const depthLimit = 30;
const nodeLimit = 20_000;

interface Piece {
  kind: 'text' | 'output' | 'statement';
  text: string;
  line: number;
  /** Whether only blanks stand before it on its line. */
  leads: boolean;
}

/** A whole file. What cannot be read is left out, each time with a problem. Limits: 20,000 parts, 30 levels. */
export function parseJinja(text: string): { nodes: readonly JinjaNode[]; problems: JinjaProblem[] } {
  const problems: JinjaProblem[] = [];
  const pieces = splitPieces(text, problems);
  if (pieces.length > nodeLimit) {
    problems.push({ line: 1, message: `more than ${nodeLimit} parts of a template` });
    return { nodes: [], problems };
  }
  const nodes = new Reader(pieces, problems).all();
  return { nodes, problems };
}

function splitPieces(text: string, problems: JinjaProblem[]): Piece[] {
  const pieces: Piece[] = [];
  const opening = /\{[{%#]/g;
  let from = 0;
  let line = 1;
  const take = (kind: Piece['kind'], content: string, leads: boolean): void => {
    if (content !== '' || kind !== 'text') pieces.push({ kind, text: content, line, leads });
  };
  for (let match = opening.exec(text); match !== null; match = opening.exec(text)) {
    const mark = match[0];
    const closing = closingOf(text, match.index + 2, mark);
    const before = text.slice(from, match.index);
    const trimsBefore = text[match.index + 2] === '-';
    take('text', trimsBefore ? before.trimEnd() : before, false);
    line += lines(before);
    if (closing === undefined) {
      problems.push({ line, message: `\`${mark}\` is never closed` });
      from = match.index;
      break;
    }
    const inner = text.slice(match.index + 2, closing);
    const lineStart = before.lastIndexOf('\n');
    const leads = (lineStart >= 0 || from === 0) && before.slice(lineStart + 1).trim() === '';
    const content = inner.replace(/^[-+]/, '').replace(/[-+]$/, '');
    if (mark !== '{#') take(mark === '{{' ? 'output' : 'statement', content.trim(), leads);
    line += lines(inner);
    from = closing + 2;
    if (inner.endsWith('-')) {
      const blank = /^\s*/.exec(text.slice(from))?.[0] ?? '';
      line += lines(blank);
      from += blank.length;
    }
    opening.lastIndex = from;
    if (mark !== '{%' || content.trim() !== 'raw') continue;
    const end = /\{%[-+]?\s*endraw\s*[-+]?%\}/.exec(text.slice(from));
    const raw = text.slice(from, end === null ? undefined : from + end.index);
    pieces.pop();
    take('text', raw, false);
    line += lines(raw);
    from = end === null ? text.length : from + end.index + end[0].length;
    opening.lastIndex = from;
  }
  take('text', text.slice(from), false);
  return pieces;
}

/** Where the closing mark stands, quoted ones passed over. */
function closingOf(text: string, from: number, mark: string): number | undefined {
  const closing = mark === '{{' ? '}}' : `${mark.slice(1)}}`;
  if (mark === '{#') {
    const at = text.indexOf(closing, from);
    return at < 0 ? undefined : at;
  }
  let quote: string | undefined;
  for (let at = from; at < text.length && at - from < 10_000; at += 1) {
    const letter = text[at];
    if (quote !== undefined) {
      if (letter === '\\') at += 1;
      else if (letter === quote) quote = undefined;
    } else if (text.startsWith(closing, at)) return at;
    else if (letter === '"' || letter === "'") quote = letter;
  }
  return undefined;
}

function lines(text: string): number {
  return text.split('\n').length - 1;
}

class Reader {
  readonly #pieces: readonly Piece[];
  readonly #problems: JinjaProblem[];
  #at = 0;

  constructor(pieces: readonly Piece[], problems: JinjaProblem[]) {
    this.#pieces = pieces;
    this.#problems = problems;
  }

  all(): JinjaNode[] {
    const nodes: JinjaNode[] = [];
    while (this.#at < this.#pieces.length) {
      nodes.push(...this.#until(() => false, 0));
      const stray = this.#pieces[this.#at];
      if (stray === undefined) break;
      this.#problem(stray, `\`{% ${stray.text} %}\` stands alone`);
      this.#at += 1;
    }
    return nodes;
  }

  /** Parts up to a statement that ends them; that one is left to the caller. */
  #until(ends: (statement: string) => boolean, depth: number): JinjaNode[] {
    const nodes: JinjaNode[] = [];
    for (;;) {
      const piece = this.#pieces[this.#at];
      if (piece === undefined) return nodes;
      const [word = ''] = piece.kind === 'statement' ? piece.text.split(/\s/, 1) : [];
      if (piece.kind === 'statement' && (ends(word) || /^(end\w+|else|elif)$/.test(word))) return nodes;
      this.#at += 1;
      const node = this.#node(piece, word, depth);
      if (node !== undefined) nodes.push(node);
    }
  }

  #node(piece: Piece, word: string, depth: number): JinjaNode | undefined {
    const { kind, text, line } = piece;
    if (kind === 'text') return { kind: 'text', text, line };
    if (kind === 'output') {
      const parsed = parseExpression(text);
      const source = `{{ ${text} }}`;
      if ('expression' in parsed) return { kind: 'output', value: parsed.expression, source, line };
      this.#problem(piece, parsed.problem);
      return { kind: 'unsaid', source, problem: parsed.problem, line };
    }
    if (depth > depthLimit) {
      this.#problem(piece, 'statements are nested too deeply');
      return undefined;
    }
    if (word === 'if') return this.#if(piece, depth);
    if (word === 'for') return this.#for(piece, depth);
    const set = /^set\s+([A-Za-z_]\w*)\s*=\s*([^]+)$/.exec(text);
    const parsed = set?.[2] === undefined ? undefined : parseExpression(set[2]);
    if (set?.[1] !== undefined && parsed !== undefined && 'expression' in parsed)
      return { kind: 'set', name: set[1], value: parsed.expression, line };
    this.#problem(piece, `\`{% ${text.slice(0, 60)} %}\` has no counterpart`);
    return undefined;
  }

  #if(first: Piece, depth: number): JinjaNode {
    const branches: Branch[] = [];
    let otherwise: JinjaNode[] = [];
    let piece = first;
    for (;;) {
      const isElse = piece.text === 'else';
      const condition = isElse ? undefined : this.#condition(piece);
      const body = this.#until((word) => ['elif', 'else', 'endif'].includes(word), depth + 1);
      if (isElse) otherwise = body;
      else branches.push({ condition, body });
      const next = this.#pieces[this.#at];
      if (next === undefined || !/^(elif\b|else$|endif$)/.test(next.text)) {
        this.#problem(first, '`{% if %}` has no `{% endif %}`');
        return this.#whole(first, next, { kind: 'if', branches, otherwise });
      }
      this.#at += 1;
      if (next.text === 'endif') return this.#whole(first, next, { kind: 'if', branches, otherwise });
      piece = next;
    }
  }

  #for(first: Piece, depth: number): JinjaNode | undefined {
    const written = /^for\s+([A-Za-z_]\w*)\s+in\s+([^]+)$/.exec(first.text);
    const body = this.#until((word) => word === 'endfor', depth + 1);
    const end = this.#pieces[this.#at];
    if (end?.text === 'endfor') this.#at += 1;
    else this.#problem(first, '`{% for %}` has no `{% endfor %}`, or has an `{% else %}`');
    const [, name, over] = written ?? [];
    const parsed = over === undefined ? undefined : parseExpression(over);
    if (name === undefined || parsed === undefined || !('expression' in parsed)) {
      this.#problem(first, `\`{% ${first.text.slice(0, 60)} %}\` cannot be said in Liquid`);
      return undefined;
    }
    return this.#whole(first, end, { kind: 'for', name, over: parsed.expression, body });
  }

  #whole(
    first: Piece,
    last: Piece | undefined,
    node:
      | { kind: 'if'; branches: readonly Branch[]; otherwise: readonly JinjaNode[] }
      | { kind: 'for'; name: string; over: Expression; body: readonly JinjaNode[] },
  ): JinjaNode {
    return { ...node, line: first.line, inline: !first.leads && last?.line === first.line };
  }

  #condition(piece: Piece): Expression | undefined {
    const parsed = parseExpression(piece.text.replace(/^(el)?if\b/, ''));
    if ('expression' in parsed) return parsed.expression;
    this.#problem(piece, parsed.problem);
    return undefined;
  }

  #problem({ line }: Piece, message: string): void {
    this.#problems.push({ line, message });
  }
}
