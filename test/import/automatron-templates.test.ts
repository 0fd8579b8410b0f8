import { Liquid } from 'liquidjs';
import { describe, expect, test } from 'vitest';
import { parseJinja } from '../../import/jinja.ts';
import { parseExpression } from '../../import/jinja-expression.ts';
import { conditionText, keyText, liquidOf, type PathNames } from '../../import/jinja-liquid.ts';
import { conditionOf, leavesOf, mapDecision, valueOf, variantsOf } from '../../import/jinja-variants.ts';

const names: PathNames = (root, keys) => ({ text: `${root}${keys.map(keyText).join('')}` });
const liquid = new Liquid({ strictVariables: true, lenientIf: true, strictFilters: true });
const facts = {
  hostname: 'web1.prod',
  os: 'Linux',
  cores: 8,
  empty: '',
  tags: ['a', 'b'],
  network: { 'br-lan': { v4: ['10.0.0.1'] } },
  up: false,
};

/** What Jinja2 3.1 gives for each, with the facts above. */
const outputs: [jinja: string, expected: string][] = [
  ['{{ facts.hostname }}', 'web1.prod'],
  ["{{ facts['hostname'] }}", 'web1.prod'],
  ["{{ facts['network']['br-lan']['v4'][0] }}", '10.0.0.1'],
  ["{{ facts.get('hostname') }}", 'web1.prod'],
  ["{{ facts.get('none', 'x') }}", 'x'],
  ["{{ facts.none | default('x') }}", 'x'],
  ["{{ facts.none|d('x') }}", 'x'],
  ['{{ facts.hostname | upper }}', 'WEB1.PROD'],
  ['{{ facts.hostname.upper() | lower }}', 'web1.prod'],
  ["{{ facts.hostname | replace('.prod', '') }}", 'web1'],
  ["{{ facts.tags | join(',') }}", 'a,b'],
  ['{{ facts.tags | join }}', 'ab'],
  ['{{ facts.tags | length }}', '2'],
  ['{{ facts.tags | first }}', 'a'],
  ['{{ "it\'s" }}', "it's"],
  ["{{ 'yes' if facts.os == 'Linux' else 'no' }}", 'yes'],
  ["x{% if 'prod' in facts.hostname %}p{% elif facts.up %}u{% else %}d{% endif %}y", 'xpy'],
  ['{% for tag in facts.tags %}-t {{ tag }} {% endfor %}', '-t a -t b '],
  ["{{ '{{' }}", '{{'],
  ['{# said to nobody #}{{ facts.cores }}', '8'],
  ['{% raw %}{{ not.a.variable }}{% endraw %}', '{{ not.a.variable }}'],
];

const conditions: [jinja: string, expected: boolean][] = [
  ["'prod' in facts.hostname", true],
  ["'prod' not in facts.hostname", false],
  ["not ('prod' in facts.hostname and facts.cores > 4)", false],
  ["facts.os in ['Linux', 'FreeBSD']", true],
  ["facts.os not in ['Linux', 'FreeBSD']", false],
  ['facts.up == False', true],
  ['facts.cores >= 8 and facts.os == "Linux" or facts.up', true],
  ['facts.up and facts.cores >= 8 or facts.os == "Linux"', true],
  ['(facts.os == "Linux" or facts.up) and facts.cores < 8', false],
  ['facts.none is defined', false],
  ['facts.os is defined and not facts.up', true],
  ['facts.tags | length == 2', true],
  ['not not facts.cores', true],
];

test.each(outputs)('%s gives %s', async (jinja, expected) => {
  const { nodes, problems } = parseJinja(`key: ${jinja}`);
  expect(problems).toEqual([]);
  const said = nodes.map((node) => liquidOf(node, new Map(), names));
  const text = said.map((each) => ('text' in each ? each.text : each.problem)).join('');
  expect(await liquid.parseAndRender(text, { facts })).toBe(`key: ${expected}`);
});

test.each(conditions)('%s is %s', async (jinja, expected) => {
  const parsed = parseExpression(jinja);
  if (!('expression' in parsed)) throw new Error(parsed.problem);
  const said = conditionText(parsed.expression, names);
  if (!('text' in said)) throw new Error(said.problem);
  expect(await liquid.parseAndRender(`{% if ${said.text} %}true{% else %}false{% endif %}`, { facts })).toBe(
    String(expected),
  );
});

describe('what cannot be said is a problem in words', () => {
  test.each([
    ['{{ facts.a + 1 }}', /cannot be said/],
    ["{{ facts.hostname.startswith('web') }}", /startswith/],
    ['{{ facts.a | regex_replace("a", "b") }}', /regex_replace/],
    ['{{ range(3) }}', /range/],
    ['{{ facts.a[facts.b] }}', /variable/],
    ['{{ facts.a', /never closed/],
    ['{% include "x" %}', /include/],
    ['{% if (facts.a or facts.b) and (facts.c or facts.d) %}x{% endif %}', /parentheses/],
    ['{% endif %}', /stands alone/],
    ['{% if facts.a %}x', /endif/],
  ])('%s', (jinja, problem) => {
    const { problems } = variantsOf(`key: x ${jinja}`, names);
    expect(problems.map(({ message }) => message).join()).toMatch(problem);
    expect(problems[0]?.line).toBe(1);
  });
});

test('conditions around lines become ways, each with the lines of its source', () => {
  const source =
    "a: 1\n{% if facts.x == 1 %}\nb: 2\n{% elif facts.x == 2 %}\nb: 3\n{% endif %}\n{% for n in ['p', 'q'] %}\n{{ n }}: 4\n{% endfor %}\n";
  const { tree, problems } = variantsOf(source, names);
  expect(problems).toEqual([]);
  const ways = leavesOf(tree).map(({ text, lines }) =>
    text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [`${lines[index]} ${line}`])),
  );
  expect(ways).toEqual([
    ['1 a: 1', '3 b: 2', '8 p: 4', '8 q: 4'],
    ['1 a: 1', '5 b: 3', '8 p: 4', '8 q: 4'],
    ['1 a: 1', '8 p: 4', '8 q: 4'],
  ]);
  const values = mapDecision(tree, ({ text }) => /b: (.)/.exec(text)?.[1]);
  expect(valueOf(values, names)).toEqual({
    text: '{% if facts.x == 1 %}2{% elsif facts.x == 2 %}3{% endif %}',
  });
  const present = mapDecision(values, (value) => value !== undefined);
  expect(conditionOf(present, names)).toEqual({ text: 'facts.x == 1 or facts.x != 1 and facts.x == 2' });
});
