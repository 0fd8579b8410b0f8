/** The tables of docs/safety.md are what the code says; the words of every gate and reason are those that the gates use. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { allowedUnhealthy } from '../core/brake.ts';
import { gateNames, reasons } from '../core/decisions.ts';
import { gateWords, reasonWords } from '../core/gate-words.ts';
import { stopsPerson } from '../core/gates.ts';
import { limitCases } from './core/gate-cases-limits.ts';
import { peopleCases } from './core/gate-cases-people.ts';
import { permissionCases } from './core/gate-cases-permission.ts';
import { transportCases } from './core/gate-cases-transport.ts';
import { troubleCases } from './core/gate-cases-trouble.ts';

const cases = [...permissionCases, ...transportCases, ...troubleCases, ...peopleCases, ...limitCases];

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function gateTable(): string {
  const rows = gateNames.flatMap((gate) => {
    const { sees, reasons: own } = gateWords[gate];
    const binds = stopsPerson({ gate, passed: false, values: {} }) ? 'yes' : 'no';
    return own.map((reason, index) => {
      const { means, opens } = reasonWords[reason];
      const first = index === 0 ? [`\`${gate}\``, sees, binds] : ['', '', ''];
      return [...first.slice(0, 2), `\`${reason}\``, means, opens, first[2] ?? ''];
    });
  });
  return table(['gate', 'looks at', 'reason', 'means', 'opened by', 'binds people'], rows);
}

function brakeTable(): string {
  const rule = { minUnhealthy: 2, release: { kind: 'person' as const } };
  const rows = [1, 2, 3, 5, 6, 7, 10, 20, 33, 50, 100, 1_000].map((hosts) => [
    `${hosts}`,
    ...[10, 30, 50].map((unhealthyAbovePercent) => {
      const allowed = allowedUnhealthy({ ...rule, unhealthyAbovePercent }, hosts);
      return allowed >= hosts ? 'never' : `from ${allowed + 1}`;
    }),
  ]);
  return table(['hosts', '10%', '30%', '50%'], rows);
}

function withTable(text: string, name: string, content: string): string {
  const place = new RegExp(`(<!-- ${name} -->)[\\s\\S]*?(<!-- /${name} -->)`);
  if (!place.test(text)) throw new Error(`docs/safety.md has no place for ${name}`);
  return text.replace(place, (_all, before: string, after: string) => `${before}\n\n${content}\n\n${after}`);
}

test('the tables in docs/safety.md are what the code says', async () => {
  const text = readFileSync('docs/safety.md', 'utf8');
  const wanted = withTable(withTable(text, 'gates', gateTable()), 'brake', brakeTable());
  const fix = 'run `npx vitest run --project unit test/safety-docs.test.ts -u` and commit docs/safety.md';
  await expect(wanted, fix).toMatchFileSnapshot('../docs/safety.md');
});

test('each gate says the reasons that its words list, and no others', () => {
  for (const gate of gateNames) {
    const said = cases.filter((each) => each.gate === gate).flatMap(({ reason }) => reason ?? []);
    const listed = gateWords[gate].reasons;
    // Quorum shares this one with the lock, which is asked first and needs the same label.
    const shared = listed.filter((reason) => gate === 'quorum' && reason === 'group_unknown');
    expect([...new Set([...said, ...shared])].toSorted(), gate).toEqual([...listed].toSorted());
  }
  const listed = new Set(Object.values(gateWords).flatMap((words) => words.reasons));
  expect(reasons.filter((reason) => !listed.has(reason))).toEqual(['act', 'gave_up']);
});
