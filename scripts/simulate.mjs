/** `npm run simulate -- --seeds N [--from S]`: runs the simulation of the whole daemon; a seed that fails prints itself and its end. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '1' } },
});
for (const [name, value] of Object.entries(values)) {
  if (/^\d{1,9}$/.test(value)) continue;
  console.error(`--${name}: \`${value}\` is not a whole number.`);
  process.exit(64);
}
const args = ['vitest', 'run', '--project', 'simulation', '--disable-console-intercept'];
const env = { ...process.env, SEEDS: values.seeds, FROM: values.from };
const { status } = spawnSync('npx', args, { env, stdio: 'inherit' });
process.exit(status ?? 1);
