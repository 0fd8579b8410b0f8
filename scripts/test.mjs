// `npm test`: everything, from a clean clone, with one command. Ends with the line `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const reports = mkdtempSync(join(tmpdir(), 'mendd-test-'));
const count = { passed: 0, failed: 0, skipped: 0 };

function step(command, args, env = {}) {
  console.log(`\n$ ${command} ${args.join(' ')}`);
  const { status } = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  return status === 0;
}

function vitest(project) {
  const report = join(reports, `${project}.json`);
  const ok = step('npx', [
    'vitest',
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
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

function gate(command, args, env) {
  if (step(command, args, env)) count.passed += 1;
  else count.failed += 1;
}

gate('node', ['scripts/ready.mjs']);
if (count.failed === 0) {
  for (const script of ['build', 'types', 'lint', 'format:check', 'dead'])
    gate('npm', ['run', '--silent', script]);
  if (step('node', ['scripts/unit-ready.mjs'])) {
    vitest('unit');
    vitest('simulation');
  } else count.failed += 1;
  if (step('node', ['scripts/page-ready.mjs'])) vitest('page');
  else count.failed += 1;
  if (step('node', ['scripts/fleet-ready.mjs'])) vitest('fleet');
  else {
    console.log('The fleet tests did not run: the lines above say what they need.');
    if (process.env.CI === 'true') count.failed += 1;
  }
}
rmSync(reports, { recursive: true, force: true });
const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
console.log(`\n${count.passed} passed, ${count.failed} failed${skipped}`);
process.exit(count.failed === 0 ? 0 : 1);
