/**
 * Owns the expressions of Jinja2 that definitions of other tools hold: from text to a tree. What is outside the subset is
 * a problem in words; nothing is evaluated here.
 */

export type Expression =
  | { kind: 'literal'; value: string | number | boolean | null }
  | { kind: 'list'; items: readonly Expression[] }
  | { kind: 'path'; root: string; keys: readonly (string | number)[] }
  | { kind: 'filter'; name: string; input: Expression; args: readonly Expression[] }
  | { kind: 'compare'; operator: Comparison; left: Expression; right: Expression }
  | { kind: 'logic'; operator: 'and' | 'or'; left: Expression; right: Expression }
  | { kind: 'not'; operand: Expression }
  | { kind: 'choice'; condition: Expression; chosen: Expression; otherwise: Expression };

export type Comparison = '==' | '!=' | '<' | '>' | '<=' | '>=' | 'in';

export type Parsed = { expression: Expression } | { problem: string };

/** Deeper nesting is refused, so that no text can exhaust the stack. */
const depthLimit = 40;

const tokenPattern =
  /\s*(?:(?<number>\d+(?:\.\d+)?)|(?<name>[A-Za-z_]\w*)|(?<text>'(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*")|(?<mark>==|!=|<=|>=|[<>()[\]{},.|:~+*/%=-]))/y;

/** One expression, all of the text. */
export function parseExpression(source: string): Parsed {
  const tokens = tokenize(source);
  if (tokens === undefined) return { problem: `\`${shorten(source)}\` is no expression that can be read` };
  try {
    const parser = new Parser(tokens);
    const expression = parser.choice(0);
    parser.end();
    return { expression };
  } catch (error) {
    if (error instanceof Unsaid) return { problem: error.message };
    throw error;
  }
}

/** A form outside of the subset; never leaves this file. */
class Unsaid extends Error {}

interface Token {
  kind: 'number' | 'name' | 'text' | 'mark' | 'end';
  text: string;
}

function tokenize(source: string): Token[] | undefined {
  const tokens: Token[] = [];
  const pattern = new RegExp(tokenPattern);
  const text = source.trimEnd();
  while (pattern.lastIndex < text.length) {
    const groups = pattern.exec(text)?.groups;
    if (groups === undefined) return undefined;
    for (const kind of ['number', 'name', 'text', 'mark'] as const) {
      const found = groups[kind];
      if (found !== undefined) tokens.push({ kind, text: found });
    }
  }
  return tokens;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  end(): void {
    const { kind, text } = this.#peek();
    if (kind !== 'end') throw new Unsaid(`\`${shorten(text)}\` cannot be said in Liquid`);
  }

  choice(depth: number): Expression {
    const chosen = this.#logic(depth, 'or');
    if (!this.#takeName('if')) return chosen;
    const condition = this.#logic(depth, 'or');
    const otherwise: Expression = this.#takeName('else')
      ? this.choice(this.#deeper(depth))
      : { kind: 'literal', value: '' };
    return { kind: 'choice', condition, chosen, otherwise };
  }

  #logic(depth: number, operator: 'and' | 'or'): Expression {
    const next = (): Expression => (operator === 'or' ? this.#logic(depth, 'and') : this.#not(depth));
    let left = next();
    for (let count = 0; this.#takeName(operator); count += 1) {
      if (count > depthLimit) throw new Unsaid('this expression is too long');
      left = { kind: 'logic', operator, left, right: next() };
    }
    return left;
  }

  #not(depth: number): Expression {
    if (this.#takeName('not')) return { kind: 'not', operand: this.#not(this.#deeper(depth)) };
    return this.#comparison(depth);
  }

  #comparison(depth: number): Expression {
    const left = this.#filtered(depth);
    if (this.#takeName('is')) return this.#test(left);
    if (this.#takeName('in')) return { kind: 'compare', operator: 'in', left, right: this.#filtered(depth) };
    if (this.#isName('not') && this.#tokens[this.#at + 1]?.text === 'in') {
      this.#at += 2;
      const inside: Expression = { kind: 'compare', operator: 'in', left, right: this.#filtered(depth) };
      return { kind: 'not', operand: inside };
    }
    for (const operator of ['==', '!=', '<=', '>=', '<', '>'] as const) {
      if (this.#takeMark(operator)) return { kind: 'compare', operator, left, right: this.#filtered(depth) };
    }
    return left;
  }

  #test(left: Expression): Expression {
    const not = this.#takeName('not');
    const { text } = this.#take();
    const nothing: Expression = { kind: 'literal', value: null };
    const isThere = text === 'defined';
    if (!isThere && !['undefined', 'none', 'None'].includes(text))
      throw new Unsaid(`the test \`is ${shorten(text)}\` cannot be said in Liquid`);
    return { kind: 'compare', operator: isThere === not ? '==' : '!=', left, right: nothing };
  }

  #filtered(depth: number): Expression {
    let input = this.#value(depth);
    while (this.#takeMark('|')) {
      const { kind, text: name } = this.#take();
      if (kind !== 'name') throw new Unsaid('a filter needs a name');
      input = { kind: 'filter', name, input, args: this.#takeMark('(') ? this.#list(depth, ')') : [] };
    }
    return input;
  }

  #value(depth: number): Expression {
    const { kind, text } = this.#take();
    if (kind === 'number') return { kind: 'literal', value: Number(text) };
    if (kind === 'text') return { kind: 'literal', value: unescapeText(text) };
    if (kind === 'name') return this.#name(depth, text);
    if (text === '-' && this.#peek().kind === 'number')
      return { kind: 'literal', value: -Number(this.#take().text) };
    if (text === '[') return { kind: 'list', items: this.#list(depth, ']') };
    if (text === '(') {
      const inner = this.choice(this.#deeper(depth));
      if (!this.#takeMark(')')) throw new Unsaid('a `)` is missing');
      return inner;
    }
    throw new Unsaid(kind === 'end' ? 'the expression ends early' : `\`${text}\` cannot be said in Liquid`);
  }

  #name(depth: number, name: string): Expression {
    const constant = constants.get(name);
    if (constant !== undefined) return { kind: 'literal', value: constant };
    if (this.#isMark('(')) throw new Unsaid(`the call of \`${name}\` cannot be said in Liquid`);
    let value: Expression = { kind: 'path', root: name, keys: [] };
    for (;;) {
      if (this.#takeMark('.')) {
        const key = this.#take().text;
        value = this.#takeMark('(') ? method(value, key, this.#list(depth, ')')) : member(value, key);
      } else if (this.#takeMark('[')) {
        const key = this.choice(this.#deeper(depth));
        if (!this.#takeMark(']')) throw new Unsaid('only one key or number can stand in `[ ]`');
        const constantKey = key.kind === 'literal' ? key.value : undefined;
        if (typeof constantKey !== 'string' && typeof constantKey !== 'number')
          throw new Unsaid('a key that is itself a variable cannot be said');
        value = member(value, constantKey);
      } else return value;
    }
  }

  #list(depth: number, closing: ')' | ']'): Expression[] {
    const items: Expression[] = [];
    while (!this.#takeMark(closing)) {
      if (this.#peek().kind === 'end') throw new Unsaid(`a \`${closing}\` is missing`);
      items.push(this.choice(this.#deeper(depth)));
      if (!this.#takeMark(',') && !this.#isMark(closing))
        throw new Unsaid(`\`${shorten(this.#peek().text)}\` cannot be said in Liquid`);
    }
    return items;
  }

  #deeper(depth: number): number {
    if (depth >= depthLimit) throw new Unsaid('this expression is nested too deeply');
    return depth + 1;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '' };
  }

  #take(): Token {
    const token = this.#peek();
    this.#at += 1;
    return token;
  }

  #isName(text: string): boolean {
    const token = this.#peek();
    return token.kind === 'name' && token.text === text;
  }

  #isMark(text: string): boolean {
    const token = this.#peek();
    return token.kind === 'mark' && token.text === text;
  }

  #takeName(text: string): boolean {
    if (!this.#isName(text)) return false;
    this.#at += 1;
    return true;
  }

  #takeMark(text: string): boolean {
    if (!this.#isMark(text)) return false;
    this.#at += 1;
    return true;
  }
}

const constants = new Map<string, boolean | null>([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);

function member(value: Expression, key: string | number): Expression {
  if (value.kind === 'path') return { ...value, keys: [...value.keys, key] };
  throw new Unsaid('a part of a computed value cannot be said in Liquid');
}

/** The few methods of Python's texts and maps that have a filter. */
function method(value: Expression, name: string, args: readonly Expression[]): Expression {
  const [first] = args;
  const key = first?.kind === 'literal' ? first.value : undefined;
  if (name === 'get' && (typeof key === 'string' || typeof key === 'number')) {
    const found = member(value, key);
    return args.length < 2 ? found : { kind: 'filter', name: 'default', input: found, args: args.slice(1) };
  }
  if (['lower', 'upper', 'replace', 'strip', 'capitalize'].includes(name))
    return { kind: 'filter', name: name === 'strip' ? 'trim' : name, input: value, args };
  throw new Unsaid(`the method \`${shorten(name)}()\` cannot be said in Liquid`);
}

function unescapeText(quoted: string): string {
  const known: Record<string, string> = { n: '\n', t: '\t', '\\': '\\', "'": "'", '"': '"' };
  return quoted.slice(1, -1).replace(/\\([^])/g, (both, mark: string) => known[mark] ?? both);
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
