/**
 * Owns the way from Jinja2 expressions and parts of a line to Liquid. Liquid has no parentheses and no filters in
 * conditions; what needs them is a problem in words.
 */

import type { JinjaNode } from './jinja.ts';
import type { Expression } from './jinja-expression.ts';

export type Liquid = { text: string } | { problem: string };

/** What names of the source are called in templates of mendd; a problem when there is no such thing. */
export type PathNames = (root: string, keys: readonly (string | number)[]) => Liquid;

/** Variables of `{% set %}` and loops, by name. */
export type Scope = ReadonlyMap<string, Expression>;

/** Names of filters that are others, or take no arguments, in Liquid; `undefined`: as in Jinja2. */
const filters = new Map<string, string>([
  ['default', 'default'],
  ['d', 'default'],
  ['lower', 'downcase'],
  ['upper', 'upcase'],
  ['replace', 'replace'],
  ['join', 'join'],
  ['length', 'size'],
  ['count', 'size'],
  ['trim', 'strip'],
  ['capitalize', 'capitalize'],
  ['first', 'first'],
  ['last', 'last'],
  ['sort', 'sort'],
  ['unique', 'uniq'],
  ['reverse', 'reverse'],
  ['abs', 'abs'],
  ['round', 'round'],
]);

/** Filters of Jinja2 that change nothing in a text of mendd. */
const idle = ['string', 'int', 'float', 'safe', 'list'];

const argumentCounts: Record<string, readonly [least: number, most: number]> = {
  default: [1, 2],
  replace: [2, 2],
  join: [0, 1],
  round: [0, 1],
};

/** The same expression with the variables of a scope put in. */
export function withScope(expression: Expression, scope: Scope): Expression {
  if (scope.size === 0) return expression;
  const inner = (each: Expression): Expression => withScope(each, scope);
  switch (expression.kind) {
    case 'literal':
      return expression;
    case 'list':
      return { ...expression, items: expression.items.map(inner) };
    case 'path': {
      const value = scope.get(expression.root);
      if (value === undefined) return expression;
      if (expression.keys.length === 0) return value;
      return value.kind === 'path' ? { ...value, keys: [...value.keys, ...expression.keys] } : expression;
    }
    case 'filter':
      return { ...expression, input: inner(expression.input), args: expression.args.map(inner) };
    case 'not':
      return { ...expression, operand: inner(expression.operand) };
    case 'choice':
      return {
        ...expression,
        condition: inner(expression.condition),
        chosen: inner(expression.chosen),
        otherwise: inner(expression.otherwise),
      };
    case 'compare':
    case 'logic':
    default:
      return { ...expression, left: inner(expression.left), right: inner(expression.right) };
  }
}

/** One part of a line: text, an output, or a condition or loop within the line. */
export function liquidOf(node: JinjaNode, scope: Scope, names: PathNames): Liquid {
  switch (node.kind) {
    case 'text':
      return { text: literalText(node.text) };
    case 'output':
      return output(withScope(node.value, scope), names);
    case 'if': {
      let text = '';
      for (const [index, { condition, body }] of node.branches.entries()) {
        if (condition === undefined) return { problem: 'its condition cannot be said in Liquid' };
        const said = conditionText(withScope(condition, scope), names);
        const inner = linesOf(body, scope, names);
        if ('problem' in said) return said;
        if ('problem' in inner) return inner;
        text += `{% ${index === 0 ? 'if' : 'elsif'} ${said.text} %}${inner.text}`;
      }
      const last = linesOf(node.otherwise, scope, names);
      if ('problem' in last) return last;
      return { text: `${text}${last.text === '' ? '' : `{% else %}${last.text}`}{% endif %}` };
    }
    case 'for': {
      const over = valueText(withScope(node.over, scope), names);
      if ('problem' in over) return over;
      // Within the loop its own variable is a name of Liquid too.
      const own: PathNames = (root, keys) =>
        root === node.name ? { text: `${root}${keys.map(keyText).join('')}` } : names(root, keys);
      const inner = linesOf(node.body, scope, own);
      if ('problem' in inner) return inner;
      return { text: `{% for ${node.name} in ${over.text} %}${inner.text}{% endfor %}` };
    }
    case 'set':
      return { problem: '`{% set %}` within a value cannot be said in Liquid' };
    case 'unsaid':
    default:
      return { problem: node.problem };
  }
}

function linesOf(nodes: readonly JinjaNode[], scope: Scope, names: PathNames): Liquid {
  let text = '';
  for (const node of nodes) {
    const said = liquidOf(node, scope, names);
    if ('problem' in said) return said;
    text += said.text;
  }
  return { text };
}

/** Text that has no meaning for Liquid, as it stands. */
export function literalText(text: string): string {
  return /\{[{%]/.test(text) ? `{% raw %}${text}{% endraw %}` : text;
}

function output(expression: Expression, names: PathNames): Liquid {
  if (expression.kind === 'choice') {
    const condition = conditionText(expression.condition, names);
    const chosen = output(expression.chosen, names);
    const otherwise = output(expression.otherwise, names);
    const wrong = [condition, chosen, otherwise].find((each) => 'problem' in each);
    if (wrong !== undefined) return wrong;
    const [when, yes, no] = [condition, chosen, otherwise].map((each) => ('text' in each ? each.text : ''));
    return { text: `{% if ${when} %}${yes}{% else %}${no}{% endif %}` };
  }
  if (expression.kind === 'literal') return { text: literalText(String(expression.value ?? '')) };
  const value = valueText(expression, names);
  return 'problem' in value ? value : { text: `{{ ${value.text} }}` };
}

function valueText(expression: Expression, names: PathNames): Liquid {
  if (expression.kind === 'literal') return literalValue(expression.value);
  if (expression.kind === 'path') return names(expression.root, expression.keys);
  if (expression.kind !== 'filter')
    return { problem: 'a list, a comparison or a choice within an output cannot be said in Liquid' };
  const { name, input, args } = expression;
  const before = valueText(input, names);
  if ('problem' in before || idle.includes(name)) return before;
  const filter = filters.get(name);
  if (filter === undefined) return { problem: `Liquid has no filter \`${name}\`` };
  const [least, most] = argumentCounts[filter] ?? [0, 0];
  const wanted = filter === 'default' ? args.slice(0, 1) : args;
  if (args.length < least || args.length > most)
    return { problem: `the filter \`${name}\` with ${args.length} arguments cannot be said in Liquid` };
  const said = wanted.map((each) => valueText(each, names));
  const wrong = said.find((each) => 'problem' in each);
  if (wrong !== undefined) return wrong;
  const texts = said.map((each) => ('text' in each ? each.text : ''));
  // Liquid joins by a blank when nothing else is said; Jinja2 by nothing.
  if (filter === 'join' && texts.length === 0) texts.push('""');
  return { text: `${before.text} | ${filter}${texts.length === 0 ? '' : `: ${texts.join(', ')}`}` };
}

function literalValue(value: string | number | boolean | null): Liquid {
  if (value === null) return { text: 'nil' };
  if (typeof value !== 'string') return { text: String(value) };
  if (/[\n{}%]/.test(value) || (value.includes('"') && value.includes("'")))
    return { problem: 'a text with both kinds of quotes, braces or line breaks cannot be said in Liquid' };
  return { text: value.includes('"') ? `'${value}'` : `"${value}"` };
}

/** `.name`, `[0]` or `["a name"]`. */
export function keyText(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`;
  return /^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `["${key.replaceAll(/["\n]/g, '')}"]`;
}

/** An expression of Liquid without braces, as `when` and `{% if %}` take it. */
export function conditionText(expression: Expression, names: PathNames): Liquid {
  return linear(positive(expression, false), names);
}

/** Without `not` around `and` and `or`, and with `in` of a list as comparisons. */
function positive(expression: Expression, negated: boolean): Expression {
  if (expression.kind === 'not') return positive(expression.operand, !negated);
  if (expression.kind === 'logic') {
    const { operator, left, right } = expression;
    const turned = operator === 'and' ? 'or' : 'and';
    return {
      kind: 'logic',
      operator: negated ? turned : operator,
      left: positive(left, negated),
      right: positive(right, negated),
    };
  }
  if (expression.kind === 'literal' && typeof expression.value === 'boolean')
    return { kind: 'literal', value: expression.value !== negated };
  if (expression.kind !== 'compare') return negated ? { kind: 'not', operand: expression } : expression;
  const { operator, left, right } = expression;
  if (operator === 'in' && right.kind === 'list' && right.items.length > 0) {
    const [first, ...others] = right.items.map(
      (item): Expression => ({
        kind: 'compare',
        operator: '==',
        left,
        right: item,
      }),
    );
    const any = others.reduce<Expression>(
      (sum, each) => ({ kind: 'logic', operator: 'or', left: sum, right: each }),
      first ?? left,
    );
    return positive(any, negated);
  }
  if (operator === '==' || operator === '!=') {
    const other = operator === '==' ? '!=' : '==';
    return { ...expression, operator: negated ? other : operator };
  }
  return negated ? { kind: 'not', operand: expression } : expression;
}

/**
 * Liquid reads `a or b and c` from the right: each operator takes all that follows. So of two sides one must be a single
 * comparison, or both have the operator itself.
 */
function linear(expression: Expression, names: PathNames): Liquid {
  if (expression.kind !== 'logic') return atom(expression, names);
  const { operator } = expression;
  const parts = flatten(expression, operator);
  const nested = parts.filter((part) => part.kind === 'logic');
  if (nested.length > 1) return { problem: 'Liquid has no parentheses, and this condition needs them' };
  const said = [...parts.filter((part) => part.kind !== 'logic'), ...nested].map((part) =>
    linear(part, names),
  );
  const wrong = said.find((each) => 'problem' in each);
  if (wrong !== undefined) return wrong;
  return { text: said.map((each) => ('text' in each ? each.text : '')).join(` ${operator} `) };
}

function flatten(expression: Expression, operator: 'and' | 'or'): Expression[] {
  if (expression.kind !== 'logic' || expression.operator !== operator) return [expression];
  return [...flatten(expression.left, operator), ...flatten(expression.right, operator)];
}

function atom(expression: Expression, names: PathNames): Liquid {
  if (expression.kind === 'not') {
    const inner = atom(expression.operand, names);
    return 'problem' in inner ? inner : { text: `not ${inner.text}` };
  }
  if (expression.kind !== 'compare') return operand(expression, names);
  const { operator } = expression;
  const [first, second] =
    operator === 'in' ? [expression.right, expression.left] : [expression.left, expression.right];
  const left = operand(first, names);
  const right = operand(second, names);
  if ('problem' in left) return left;
  if ('problem' in right) return right;
  return { text: `${left.text} ${operator === 'in' ? 'contains' : operator} ${right.text}` };
}

function operand(expression: Expression, names: PathNames): Liquid {
  if (expression.kind === 'filter' && ['length', 'count'].includes(expression.name)) {
    const value = operand(expression.input, names);
    return 'problem' in value ? value : { text: `${value.text}.size` };
  }
  if (expression.kind === 'filter' && idle.includes(expression.name)) return operand(expression.input, names);
  if (expression.kind === 'literal' || expression.kind === 'path') return valueText(expression, names);
  return { problem: 'Liquid has no filters and no lists in a condition' };
}
