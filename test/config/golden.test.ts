import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { loadDefinitions } from '../../config/load.ts';
import { formatProblem } from '../../config/problems.ts';

const fixtures = fileURLToPath(new URL('../fixtures/config', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'mendd-golden-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const environment = { HOOK: 'x', EMPTY: '', PUBLIC: 'ssh-ed25519 AAAA me@here' };

const cases = readdirSync(join(fixtures, 'cases'));

test('there are cases', () => {
  expect(cases.length).toBeGreaterThan(60);
});

/** A case is the files that differ from base/, and the problems they make. */
test.each(cases)('%s', async (name) => {
  const tree = join(scratch, name);
  cpSync(join(fixtures, 'base'), tree, { recursive: true });
  cpSync(join(fixtures, 'cases', name), tree, { recursive: true });
  rmSync(join(tree, 'problems.txt'), { force: true });
  const outcome = loadDefinitions({ configFile: join(tree, 'mendd.yaml'), environment });
  const lines = [
    ...(outcome.ok ? ['no problems'] : outcome.problems.map(formatProblem)),
    ...outcome.warnings.map((warning) => `warning: ${formatProblem(warning)}`),
  ];
  if (!outcome.ok) {
    for (const problem of outcome.problems)
      expect([formatProblem(problem), problem.hint]).not.toContain(undefined);
  }
  const told = `${lines.join('\n').replaceAll(`${tree}/`, '')}\n`;
  await expect(told).toMatchFileSnapshot(join(fixtures, 'cases', name, 'problems.txt'));
});
