import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { placesInShell } from '../../config/shell-scan.ts';
import { compileCondition, compileTemplate, type Scope } from '../../config/templates.ts';

const scope: Scope = {
  facts: { os: { id: 'debian' }, cpus: 4, list: ['a', 'b'], nothing: null, text: "it's; $(id) `id`" },
  labels: { role: 'web' },
  vars: { n: 3, yes: true },
};

function rendered(text: string, use: 'text' | 'shell' = 'text'): string {
  const template = compileTemplate(text, use);
  if ('problem' in template)
    return `cannot be read: ${template.problem.message} @ ${template.problem.snippet ?? ''}`;
  const answer = template.render(scope);
  return 'text' in answer ? answer.text : `no value: ${answer.problem.message}`;
}

test.each([
  ['{{ facts.os.id }}', 'debian'],
  ['{{ vars.n }} and {{ vars.yes }}', '3 and true'],
  ['{% if facts.cpus > 2 %}many{% else %}few{% endif %}', 'many'],
  ['{% for x in facts.list %}<{{ x }}>{% endfor %}', '<a><b>'],
  ['{{ facts.list | join: "," | upcase }}', 'A,B'],
  ['{{ facts.gone | default: "x" }}', 'x'],
  ['{{ facts.nothing | default: "x" }}', 'x'],
  ['{% raw %}{{.State}}{% endraw %}', '{{.State}}'],
  ['{{ facts.text }}', "it's; $(id) `id`"],
  ['{{ facts.gone }}', 'no value: `facts.gone` is not known'],
  ['{{ facts.os.gone.deep }}', 'no value: `facts.os.gone` is not known'],
  ['{{ facts.nothing }}', 'no value: `{{ facts.nothing }}` is empty'],
  ['{{ facts.list }}', 'no value: `{{ facts.list }}` is a list'],
  ['{{ facts }}', 'no value: `{{ facts }}` is a map'],
  ['{{ facts.constructor }}', 'no value: `facts.constructor` is not known'],
  ['{{ facts.__proto__ }}', 'no value: `facts.__proto__` is not known'],
  ['{{ __proto__ }}', 'no value: `__proto__` is not known'],
  ['{{ toString }}', 'no value: `toString` is not known'],
  [
    '{{ facts.os.id',
    'cannot be read: this template cannot be read: output "{{ facts.os.id" not closed @ {{ facts.os.id',
  ],
  ['{{ x | raw }}', 'cannot be read: this template cannot be read: undefined filter: raw @ {{ x | raw }}'],
  [
    '{{ "now" | date: "%s" }}',
    'cannot be read: this template cannot be read: undefined filter: date @ {{ "now" | date: "%s" }}',
  ],
  [
    '{% include "/etc/passwd" %}',
    'cannot be read: this template cannot be read: tag "include" not found @ {% include "/etc/passwd" %}',
  ],
  [
    '{% render "x" %}',
    'cannot be read: this template cannot be read: tag "render" not found @ {% render "x" %}',
  ],
])('%s becomes %s', (text, expected) => {
  expect(rendered(text)).toBe(expected);
});

test('a template cannot run away', () => {
  expect(rendered('{% for i in (1..100000000) %}{{ i }}{% endfor %}')).toMatch(/^no value: .*limit/);
  expect(rendered('{% for i in (1..9000) %}{% for j in (1..9000) %}x{% endfor %}{% endfor %}')).toMatch(
    /^no value: /,
  );
  expect(rendered('{% for i in (1..70000) %}x{% endfor %}')).toMatch(
    /no value: makes more than 65,536 characters|limit/,
  );
});

test.each([
  ['echo {{ facts.text }}', 'word'],
  ['echo "$(cat {{ facts.text }})"', 'word'],
  ['a | b {{ facts.text }} # it\'s a "comment', 'word'],
  ['x=${y:-{{ facts.text }}}; echo "$x"', 'word'],
  ['case x in a) echo {{ facts.text }};; esac', 'word'],
  ['echo "a "{{ facts.text }}" b"', 'word'],
  ['cat <<<{{ facts.text }}', 'word'],
  ['echo "{{ facts.text }}"', 'inside quotes'],
  ["echo '{{ facts.text }}'", 'inside quotes'],
  ["echo $'{{ facts.text }}'", 'inside quotes'],
  ['echo "${x:-{{ facts.text }}}"', 'inside quotes'],
  ['sh -c "echo {{ facts.text }}"', 'inside quotes'],
  ['echo $(( {{ vars.n }} + 1 ))', 'where the shell counts'],
  ['(( x = {{ vars.n }} ))', 'where the shell counts'],
  ['cat <<END\n{{ facts.text }}\nEND', 'after `<<`'],
  ['echo \\{{ facts.text }}', 'after `\\`'],
  ['[[ {{ facts.text }} -gt 5 ]]', 'where the shell counts'],
  ['if [[ a == b && 5 -lt {{ facts.text }} ]]; then a; fi', 'where the shell counts'],
  ['[[ -n "$(echo {{ facts.text }})" ]] && echo {{ facts.text }}', 'word'],
  ['[ {{ facts.text }} -gt 5 ]', 'word'],
  ['let {{ facts.text }}', 'where the shell counts'],
  ['echo ${x:{{ facts.text }}}', 'where the shell counts'],
  ['echo ${x[{{ facts.text }}]}', 'where the shell counts'],
  ['echo ${ {{ facts.text }} }', 'where the shell counts'],
  ['eval echo {{ facts.text }}', 'takes it for a command'],
  ['true && eval {{ facts.text }}', 'takes it for a command'],
  ['trap {{ facts.text }} EXIT', 'takes it for a command'],
  ['sudo sh -c {{ facts.text }}', 'takes it for a command'],
  ['/bin/bash -o pipefail -ec {{ facts.text }}', 'takes it for a command'],
  ['eval true; sh -c true; retrieval {{ facts.text }}', 'word'],
  ['sh -c \'echo "$1"\' sh {{ facts.text }}', 'word'],
  ['grep -c {{ facts.text }} /etc/passwd', 'word'],
  ['echo \0 {{ facts.text }}', 'NUL'],
  ['{% if vars.yes %}echo "{{ facts.text }}"{% endif %}', 'inside quotes'],
])('in a command: %j', (text, place) => {
  const template = compileTemplate(text, 'shell');
  if (place === 'word') expect('problem' in template).toBe(false);
  else expect('problem' in template && template.problem.message).toContain(place);
});

test('places are found again when branches make another text than the one that is written', () => {
  const template = compileTemplate('echo {% if vars.yes %}"{% endif %}a {{ facts.os.id }}"', 'shell');
  const answer = 'problem' in template ? template : template.render(scope);
  expect('problem' in answer && answer.problem.message).toBe('a template stands inside quotes of the shell');
});

/** What shells take for something, mixed with anything. */
const hostile = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc
      .array(
        fc.constantFrom(
          "'",
          '"',
          '`',
          '$(touch pwned)',
          '${IFS}',
          ';',
          '&',
          '|',
          '\n',
          '\r',
          '\\',
          '*',
          '?',
          '~',
          '#',
          '!',
          '{{ 1 }}',
          '{% raw %}',
          '-n',
          '<',
          '>',
          '(',
          ')',
          ' ',
          '\t',
          'é',
          '\u202e',
          '$((1))',
          'a[$(id)]',
        ),
        { maxLength: 12 },
      )
      .map((parts) => parts.join('')),
  )
  .map((text) => text.replaceAll('\0', ''));

const shapes = [
  'printf "%s\\0" {{ facts.x }} {{ facts.y }}',
  'printf "%s\\0" a{{ facts.x }}b "c "{{ facts.y }}" d"',
  'printf "%s\\0" "$(printf "%s." {{ facts.x }})" `printf "%s." {{ facts.y }}`',
  'f() { printf "%s\\0" "$@"; }; f {{ facts.x }} {{ facts.y }} # {{ facts.x }}',
];

/** What the shell should have made of the two values. */
function expectedWords(shape: number, x: string, y: string): string | undefined {
  if (shape === 0 || shape === 3) return `${x}\0${y}\0`;
  if (shape === 1) return `a${x}b\0c ${y} d\0`;
  return undefined;
}

test.each(['dash', 'bash', 'busybox'])('whatever a host tells is one word and never code: %s', (shell) => {
  const run = (script: string): string =>
    execFileSync(shell, shell === 'busybox' ? ['sh', '-s'] : ['-s'], {
      input: `set -f\n${script}`,
      cwd: '/nonexistent-is-never-used'.slice(0, 1),
      env: { PATH: '/usr/bin:/bin' },
    }).toString();
  fc.assert(
    fc.property(hostile, hostile, fc.nat(shapes.length - 1), (x, y, shape) => {
      const template = compileTemplate(shapes[shape] ?? '', 'shell');
      if ('problem' in template) throw new Error(template.problem.message);
      const answer = template.render({ facts: { x, y } });
      if ('problem' in answer) throw new Error(answer.problem.message);
      const expected = expectedWords(shape, x, y);
      const out = run(answer.text);
      if (expected !== undefined) expect(out).toBe(Buffer.from(expected).toString());
    }),
    { numRuns: 120 },
  );
});

test('a NUL, which no command can take, is refused', () => {
  const template = compileTemplate('echo {{ facts.x }}', 'shell');
  expect('problem' in template ? template : template.render({ facts: { x: 'a\0b' } })).toMatchObject({
    problem: { message: 'a value holds a NUL character' },
  });
});

test('the scan of a command ends for anything, and tells of every mark', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.constantFrom(
          '\0',
          "'",
          '"',
          '`',
          '$(',
          ')',
          '${',
          '}',
          '$((',
          '))',
          '\\',
          '\n',
          '#',
          ' ',
          '<<',
          'a',
        ),
        { maxLength: 40 },
      ),
      (parts) => {
        const text = parts.join('');
        expect(placesInShell(text)).toHaveLength(text.split('\0').length - 1);
      },
    ),
    { numRuns: 2_000 },
  );
});

test.each([
  ['facts.os.id == "debian"', true],
  ['facts.os.id == "debian" and facts.cpus > 8', false],
  ['facts.list contains "a"', true],
  ['labels.role == "web" or facts.gone.deep == 1', true],
  ['facts.gone == "x"', false],
  ['facts.gone', false],
  ['vars.yes', true],
  ['facts.gone != "x"', false],
  ['not facts.gone', false],
  ['facts.gone < 5', false],
  ['facts.gone != "x" or labels.role == "web"', true],
  ['labels.role == "web" and facts.gone != "x"', false],
  ['facts.os.id == labels.gone', false],
  ['labels.gone != "x"', true],
  ['not labels.gone', true],
  ['labels.role != "a and b" and labels.role != "x or y"', true],
  ['labels.role == "web"  or  labels.role == "db"', true],
  ['facts.list contains "and" or labels.role == "a or b"', false],
])('the condition %s is %s', (expression, expected) => {
  const condition = compileCondition(expression);
  expect('problem' in condition ? condition.problem : condition.holds(scope)).toBe(expected);
});

test('a label that is absent is not known while the host waits for its labels', () => {
  const condition = compileCondition('labels.gone != "x"');
  if ('problem' in condition) throw new Error(condition.problem.message);
  expect([condition.holds(scope), condition.holds(scope, true)]).toEqual([true, false]);
});

test.each([
  'labels.a and labels.b or labels.c',
  'labels.a or labels.b and labels.c',
  'labels.a == "and" or labels.b\nand labels.c',
])('what belongs together is not told by %j', (expression) => {
  expect(compileCondition(expression)).toMatchObject({
    problem: { message: '`and` and `or` stand in one condition' },
  });
});

test.each(['{{ facts.x }}', 'a == "x" %}{% include "y" %}{% if 1'])('%s is no condition', (expression) => {
  expect(compileCondition(expression)).toMatchObject({
    problem: { message: 'a condition is written without braces' },
  });
});
