import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadDefinitions } from '../../config/load.ts';

const happy = fileURLToPath(new URL('../fixtures/config/happy/mendd.yaml', import.meta.url));

test('x', () => {
  const r = loadDefinitions({ configFile: happy, environment: { HOOK: 'x' } });
  console.log(JSON.stringify(r, (_k, v) => (v instanceof Map ? Object.fromEntries(v) : v), 1));
  expect(r.ok).toBe(true);
});
