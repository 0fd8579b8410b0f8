import { spawn } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ask, binDir, planOf, programPath, runScript, scriptOf, temporaryDir } from './machine.ts';

/** Starts `count` sleeping processes under a name of their own and waits until they bear it. */
async function sleepers(name: string, count = 1): Promise<number[]> {
  const program = join(temporaryDir(), name);
  copyFileSync(programPath('sleep') ?? '', program);
  const children = Array.from({ length: count }, () => spawn(program, ['60'], { stdio: 'ignore' }));
  onTestFinished(() => {
    for (const child of children) child.kill('SIGKILL');
  });
  await Promise.all(children.map((child) => new Promise((resolve) => child.once('spawn', resolve))));
  return children.map((child) => child.pid ?? 0);
}

const unique = `q${process.pid}`;

test('counts by exact name and tells the pids', async () => {
  const pids = await sleepers(`${unique}.w+[1]`, 2);
  await sleepers(`${unique}.w+[1]x`);
  await vi.waitFor(async () => {
    const result = await ask(planOf({ kind: 'process', name: `${unique}.w+[1]`, min: 1 }));
    expect(result.state).toBe('ok');
    expect(result.text).toBe(
      `${unique}.w+[1] 2 processes (pid ${[...pids].sort((a, b) => a - b).join(', ')})`,
    );
  });
});

test('none is critical', async () => {
  const result = await ask(planOf({ kind: 'process', name: `${unique}none`, min: 1 }));
  expect(result).toMatchObject({
    state: 'critical',
    text: `${unique}none 0 processes, at least 1 expected`,
    perfdata: [{ label: 'procs', value: 0, crit: '1:', min: 0 }],
  });
});

test('too many are critical', async () => {
  await sleepers(`${unique}many`, 3);
  await vi.waitFor(async () => {
    const result = await ask(planOf({ kind: 'process', name: `${unique}many`, min: 1, max: 2 }));
    expect(result.state).toBe('critical');
    expect(result.text).toMatch(/ 3 processes \(.*\), at most 2 expected$/);
    expect(result.perfdata[0]?.crit).toBe('1:2');
  });
});

test('min 0 asks that nothing of the name runs', async () => {
  const result = await ask(planOf({ kind: 'process', name: `${unique}none`, min: 0, max: 0 }));
  expect(result).toMatchObject({ state: 'ok', text: `${unique}none 0 processes` });
});

test('names longer than the kernel keeps are told apart', async () => {
  const long = `${unique}-worker-of-the-mail-queue`;
  const [pid] = await sleepers(long);
  await sleepers(`${long}-two`);
  await vi.waitFor(async () => {
    const result = await ask(planOf({ kind: 'process', name: long, min: 1 }));
    expect(result.text).toBe(`${long} 1 process (pid ${pid})`);
  });
});

function ps(text: string, stderr = ''): string {
  const real = ['grep', 'cut', 'cat'];
  return binDir({ ps: `cat <<'END'\n${text}\nEND\n${stderr && `echo '${stderr}' >&2`}` }, real);
}

const one = { kind: 'process', name: 'nginx', min: 1 } as const;

test('zombies do not count', async () => {
  const result = await ask(planOf(one), { path: ps('    1 Ss   systemd\n   70 Z    nginx') });
  expect(result).toMatchObject({ state: 'critical', text: 'nginx 0 processes, at least 1 expected' });
});

test('a name with a space and a path both match', async () => {
  const path = ps('    1 Ss   init\n  70 S    tmux: server\n  71 S    /usr/sbin/nginx');
  expect((await ask(planOf({ ...one, name: 'tmux: server' }), { path })).state).toBe('ok');
  expect((await ask(planOf(one), { path })).text).toBe('nginx 1 process (pid 71)');
});

test('a list that hides processes is UNKNOWN, not zero', async () => {
  const result = await ask(planOf(one), { path: ps('   70 S    sh') });
  expect(result.state).toBe('unknown');
  expect(result.text).toContain('hidepid');
});

test('an empty list is UNKNOWN with the words of ps', async () => {
  const result = await ask(planOf(one), { path: ps('', 'error: /proc must be mounted') });
  expect(result).toMatchObject({ state: 'unknown', text: 'nginx: error: /proc must be mounted' });
});

test('no ps is UNKNOWN', async () => {
  const result = await ask(planOf(one), { path: binDir({}, ['grep', 'cut']) });
  expect(result.state).toBe('unknown');
  expect(result.text).toContain('not found');
});

test('a list that was cut is UNKNOWN', async () => {
  const plan = planOf(one);
  const outcome = await runScript(scriptOf(plan));
  const read = plan.kind === 'command' ? plan.read : undefined;
  expect(read?.({ ...outcome, truncated: true }).state).toBe('unknown');
});

test('only ten pids are told', async () => {
  const rows = Array.from({ length: 12 }, (_, index) => `${index + 100} S nginx`).join('\n');
  const result = await ask(planOf(one), { path: ps(`1 S init\n${rows}`) });
  expect(result.text).toBe('nginx 12 processes (pid 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, ...)');
});
