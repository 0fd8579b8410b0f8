// `npm test`: everything, from a clean clone, with one command. Ends with the line `N passed, N failed`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const reports = mkdtempSync(join(tmpdir(), 'mendd-test-'));
const count = { passed: 0, failed: 0, skipped: 0 };

/** `isHeld`: what it says is kept, and said when it has ended. */
async function step(command, args, { isHeld = false } = {}) {
  const child = spawn(command, args, { stdio: ['ignore', ...Array(2).fill(isHeld ? 'pipe' : 'inherit')] });
  const said = [`\n$ ${command} ${args.join(' ')}\n`];
  if (!isHeld) process.stdout.write(said.pop());
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => said.push(text));
  const [status] = await once(child, 'close');
  for (const text of said) process.stdout.write(text);
  return status === 0;
}

async function vitest(project, options) {
  const report = join(reports, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const ok = await step('npx', ['vitest', 'run', '--project', project, ...reporters], options);
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTotalTestSuites, numFailedTestSuites } =
      JSON.parse(readFileSync(report, 'utf8'));
    count.passed += numPassedTests;
    count.failed += numFailedTests;
    count.skipped += numPendingTests;
    if (!ok && numFailedTests === 0) count.failed += Math.max(1, numFailedTestSuites);
    if (numTotalTestSuites === 0) count.failed += 1;
  } catch {
    count.failed += 1;
  }
}

async function gate(command, args) {
  if (await step(command, args)) count.passed += 1;
  else count.failed += 1;
}

async function unit() {
  if (!(await step('node', ['scripts/unit-ready.mjs']))) {
    count.failed += 1;
    return;
  }
  await vitest('unit');
  // One core each: the simulation computes, a browser and a daemon mostly wait.
  await Promise.all([vitest('simulation', { isHeld: true }), page()]);
}

async function page() {
  if (await step('node', ['scripts/page-ready.mjs'])) await vitest('page');
  else count.failed += 1;
}

async function fleet() {
  if (await step('node', ['scripts/fleet-ready.mjs'])) {
    await vitest('fleet');
    return;
  }
  console.log('The fleet tests did not run: the lines above say what they need.');
  if (process.env.CI === 'true') count.failed += 1;
}

await gate('node', ['scripts/ready.mjs']);
if (count.failed === 0) {
  for (const script of ['types', 'lint', 'format:check', 'dead'])
    await gate('npm', ['run', '--silent', script]);
  await unit();
  await fleet();
}
rmSync(reports, { recursive: true, force: true });
const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
console.log(`\n${count.passed} passed, ${count.failed} failed${skipped}`);
process.exit(count.failed === 0 ? 0 : 1);
