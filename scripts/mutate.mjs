/** `npm run mutate -- --files N [--from S]`: loads so many definitions with slips in them; one that fails prints its seed and itself. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { files: { type: 'string', default: '100000' }, from: { type: 'string', default: '1' } },
});
for (const [name, value] of Object.entries(values)) {
  if (/^\d{1,9}$/.test(value)) continue;
  console.error(`--${name}: \`${value}\` is not a whole number.`);
  process.exit(64);
}
const args = ['vitest', 'run', '--project', 'unit', 'test/config/mutations.test.ts'];
const env = { ...process.env, FILES: values.files, FROM: values.from };
const { status } = spawnSync('npx', args, { env, stdio: 'inherit' });
process.exit(status ?? 1);
