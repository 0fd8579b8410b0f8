/** Facts on their way from a host to templates and to people: a whole daemon, a real sshd, real programs. */
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import type { Wire } from '../../api/wire.ts';
import type { HostOrigin, SourceFacts } from '../../core/facts-port.ts';
import type { CheckView } from '../../core/views.ts';
import { RealDaemon } from '../support/real-daemon.ts';

let daemon: RealDaemon;
afterEach(() => daemon.remove());

async function prepare(runbook: string, entry = ''): Promise<void> {
  daemon = await RealDaemon.prepare(runbook);
  for (const name of ['facts', 'plugins/facts']) mkdirSync(daemon.path(name));
  daemon.write('facts/all.yaml', `facts:\n  queue: { plugin: queue${entry} }\n`);
}

/** The program of facts, as sh text. */
function program(text: string): void {
  daemon.write('plugins/facts/queue', `#!/bin/sh\n${text}\n`);
  chmodSync(daemon.path('plugins/facts/queue'), 0o755);
}

const until = <T>(work: () => T | Promise<T>): Promise<T> => vi.waitFor(work, { interval: 20 });

function check(id: string): CheckView | undefined {
  return daemon.app.daemon.checks().find((each) => each.check === id);
}

async function says(id: string, text: string): Promise<CheckView> {
  return until(() => {
    const view = check(id);
    expect(view?.status.lastResult?.text).toContain(text);
    return view as CheckView;
  });
}

/** How often a check became unknown. */
function unknowns(): number {
  return daemon.events.filter(({ type, data }) => type === 'state.changed' && data['to'] === 'unknown')
    .length;
}

async function facts(source: string): Promise<Wire<SourceFacts>> {
  const told = await daemon.get<{ sources: Wire<SourceFacts>[] }>('/api/v1/hosts/web-1/facts');
  return told.sources.find(({ name }) => name === source) as Wire<SourceFacts>;
}

test('a check waits for a fact, runs once it is told, and keeps its state when the fact is another, and over restarts', async () => {
  await prepare(`runbook: Worker
hosts: ['*']
checks:
  queue: { run: 'echo "max is "{{ facts.queue.max }}; exit 1', every: 1s, max_attempts: 2 }
`);
  const told = daemon.path('told');
  program(`while [ ! -e ${told} ]; do sleep 0.05; done; cat ${told}`);
  await daemon.start();
  expect((await says('worker.queue', 'is not known')).status.state).toBe('unknown');
  writeFileSync(told, '{"max": 10}');
  await says('worker.queue', 'max is 10');
  const before = await until(() => {
    const view = check('worker.queue');
    expect(view?.status).toMatchObject({ state: 'warning', type: 'hard' });
    return { ...(view as CheckView), unknowns: unknowns() };
  });
  expect(daemon.events.filter(({ type }) => type === 'facts.changed')).toMatchObject([
    { host: 'web-1', data: { names: ['facts.queue.max'], hosts: ['web-1'], hostCount: 1 } },
  ]);
  expect(JSON.stringify(daemon.events.filter(({ type }) => type === 'facts.changed'))).not.toContain('10}');

  await daemon.stop();
  // Nobody tells anything after the restart: what was told must do.
  rmSync(told);
  await daemon.start();
  const after = check('worker.queue');
  expect(after?.status).toMatchObject({ state: 'warning', type: 'hard', sinceMs: before.status.sinceMs });
  expect((await facts('queue')).values).toEqual({ max: 10 });

  writeFileSync(told, '{"max": 20}');
  program(`cat ${told} # anew`);
  expect((await daemon.app.daemon.reload({ by: 'ann' })).ok).toBe(true);
  const changed = await says('worker.queue', 'max is 20');
  expect(changed.status).toMatchObject({ state: 'warning', type: 'hard', sinceMs: before.status.sinceMs });
  expect(unknowns()).toBe(before.unknowns);
});

test('what a hostile host tells stays data', async () => {
  const pwned = `/tmp/mendd-facts-pwned-${process.pid}`;
  const hostile = `"; touch ${pwned}; $(touch ${pwned}) \`touch ${pwned}\` {{ labels.x }} {% raw %} '\n<b>`;
  await prepare(
    `runbook: Worker
hosts: ['*']
checks:
  queue: { run: 'printf %s {{ facts.queue.text }} | tr -d "\\n"', every: 1s }
  kernel: { run: 'echo {{ facts.kernel.name }} on {{ facts.hostname }}', every: 1s }
`,
  );
  program(`cat <<'X'\n${JSON.stringify({ text: hostile, __proto: 1 }).replace('__proto"', '__proto__"')}\nX`);
  await daemon.start();
  const view = await says('worker.queue', 'touch');
  expect(view.status.lastResult?.text).toContain('{{ labels.x }}');
  await says('worker.kernel', `Linux on ${hostname()}`);
  expect(existsSync(pwned)).toBe(false);
  expect(await facts('queue')).toMatchObject({
    values: { text: hostile },
    warnings: ['`__proto__` has a name that is refused, and was left out'],
  });
  const builtin = await facts('builtin');
  expect(builtin).toMatchObject({
    values: { hostname: hostname(), kernel: { name: 'Linux' } },
    everyMs: 3_600_000,
  });
  expect(Date.parse(String(builtin.heardAt))).toBeGreaterThan(Date.now() - 60_000);
});

test('a program that fails says so, and what it told before stays', async () => {
  await prepare(
    'runbook: Worker\nhosts: [web-1]\nchecks:\n  up: { run: "true", every: 1s }\n',
    ', every: 10s',
  );
  program('echo \'{"max": 10}\'');
  await daemon.start();
  await until(async () => expect((await facts('queue')).values).toEqual({ max: 10 }));
  for (const [text, problem] of [
    ['echo broken >&2; exit 3', 'it ended with exit code 3: broken'],
    ['echo "{\\"max\\": "', 'it printed no JSON'],
    ['head -c 1000000 /dev/zero | tr "\\0" x', 'it printed more than 65,536 bytes'],
    ['i=0; while [ $i -lt 100 ]; do printf "["; i=$((i+1)); done', 'it printed no JSON'],
  ]) {
    program(text ?? '');
    await daemon.app.daemon.reload({ by: 'ann' });
    await until(async () =>
      expect(await facts('queue')).toMatchObject({
        values: { max: 10 },
        problem: expect.stringContaining(problem ?? ''),
      }),
    );
  }
  const metrics = await (await fetch(`http://127.0.0.1:${daemon.app.address.port}/metrics`)).text();
  expect(metrics).toMatch(/^mendd_facts_problems 1$/m);
  expect(metrics).toMatch(/^mendd_facts_age_seconds \d/m);
  program('echo \'{"max": 11}\'');
  await daemon.app.daemon.reload({ by: 'ann' });
  await until(async () => {
    const told = await facts('queue');
    expect(told.values).toEqual({ max: 11 });
    expect(told).not.toHaveProperty('problem');
  });
  // No templates read them, so nothing was resolved again.
  expect(daemon.events.map(({ type }) => type)).not.toContain('facts.changed');
});

test('a condition on a fact makes a check be there, and no more', async () => {
  await prepare(
    `runbook: Worker
hosts: ['*']
checks:
  here: { run: 'echo here', every: 1s, when: facts.queue.on }
  local: { run: 'echo "of "{{ facts.queue.host }}', every: 1s }
`,
    ', run_on: local',
  );
  program('echo "{\\"on\\": true, \\"host\\": \\"$MENDD_HOST at $MENDD_ADDRESS\\"}"');
  await daemon.start();
  await says('worker.here', 'here');
  await says('worker.local', 'of web-1 at 127.0.0.1');
  await daemon.stop();
  program('echo \'{"on": false, "host": "x"}\'');
  await daemon.start();
  await until(() => expect(check('worker.here')).toBeUndefined());
  await says('worker.local', 'of x');
  const { values } = await daemon.get<{ values: HostOrigin[] }>('/api/v1/hosts/web-1/origin');
  expect(values).toContainEqual({
    key: 'address',
    value: '127.0.0.1',
    from: expect.stringContaining('hosts/all.yaml:2:'),
  });
});
