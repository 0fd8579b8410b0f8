import { expect, test } from 'vitest';
import { configurationReference } from '../../config/reference.ts';

test('docs/configuration.md is what the schema says', async () => {
  const fix =
    'run `npx vitest run --project unit test/config/reference.test.ts -u` and commit docs/configuration.md';
  await expect(configurationReference(), fix).toMatchFileSnapshot('../../docs/configuration.md');
});
