/** Runs check plans as the daemon does: commands in a real local shell, probes in this process. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createPlanCheck } from '../../checks/plan-check.ts';
import type { CheckDefinition, HostDefinition, ProbeDefinition } from '../../core/definitions.ts';
import type { CheckPlan, RunOutcome } from '../../core/ports.ts';
import type { CheckResult } from '../../core/types.ts';

export const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

export const webHost: HostDefinition = {
  name: 'web-1',
  transport: 'ssh',
  batch: true,
  address: '127.0.0.1',
  port: 22,
  user: 'mendd',
  labels: {},
  zone: 'default',
  parents: [],
  vars: {},
  origin: 'hosts',
};

export function checkOf(probe: ProbeDefinition, changes: Partial<CheckDefinition> = {}): CheckDefinition {
  return {
    id: 'book.check',
    runbook: 'book',
    name: 'check',
    probe,
    timing: { kind: 'interval', everyMs: 30_000 },
    timeoutMs: 5000,
    maxAttempts: 3,
    runOn: { kind: 'target' },
    exitMap: {},
    dependsOn: [],
    flapping: null,
    env: {},
    batch: true,
    source: { file: 'book.yaml', line: 1, column: 1 },
    ...changes,
  };
}

export function planOf(
  probe: ProbeDefinition,
  changes: Partial<CheckDefinition> = {},
  pluginDirs: string[] = [],
): CheckPlan {
  return createPlanCheck({ pluginDirs, clock })(checkOf(probe, changes), webHost);
}

export type Exited = Extract<RunOutcome, { kind: 'exited' }>;

/** The script in a real `sh`, with `path` instead of PATH when given. */
export function runScript(script: string, options: { path?: string; plugin?: string } = {}): Promise<Exited> {
  const startedAtMs = Date.now();
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: options.path ?? process.env.PATH,
        ...(options.plugin === undefined ? {} : { MENDD_PLUGIN: options.plugin }),
      },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === null) return reject(new Error('the script was killed'));
      resolve({
        kind: 'exited',
        exitCode: code,
        stdout,
        stderr,
        truncated: false,
        startedAtMs,
        durationMs: Date.now() - startedAtMs,
      });
    });
  });
}

/** The script of a command plan, read by the plan. */
export async function ask(plan: CheckPlan, options: { path?: string } = {}): Promise<CheckResult> {
  if (plan.kind === 'probe') return plan.probe(5000, new AbortController().signal);
  if (plan.kind === 'told' || plan.read === undefined) throw new Error('this plan is read as a plugin');
  return plan.read(await runScript(plan.script, options));
}

export function scriptOf(plan: CheckPlan): string {
  if (plan.kind !== 'command') throw new Error('not a command');
  return plan.script;
}

export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'mendd-checks-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A directory for PATH: `programs` are scripts by name, `real` are links to this machine's own. */
export function binDir(programs: Record<string, string>, real: string[] = []): string {
  const dir = join(temporaryDir(), 'bin');
  mkdirSync(dir);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(dir, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(dir, name), 0o755);
  }
  for (const name of real) symlinkSync(programPath(name) ?? `/missing/${name}`, join(dir, name));
  return dir;
}

/** Where this machine has a program, the system's own before anybody's wrapper. */
export function programPath(name: string): string | undefined {
  const PATH = ['/usr/bin', '/bin', '/usr/sbin', process.env.PATH].join(delimiter);
  const found = spawnSync('/bin/sh', ['-c', 'command -v "$0"', name], { env: { PATH }, encoding: 'utf8' });
  return found.status === 0 ? found.stdout.trim() : undefined;
}
