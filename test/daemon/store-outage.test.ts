import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { RealDaemon } from '../support/real-daemon.ts';

const mayMount = process.getuid?.() === 0 && canMount();
let daemon: RealDaemon | undefined;

function canMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

afterEach(async () => {
  const state = daemon?.path('state');
  await daemon?.stop();
  if (state !== undefined) execFileSync('umount', ['-l', state]);
  await daemon?.remove();
  daemon = undefined;
});

function fill(file: string): void {
  try {
    writeFileSync(file, Buffer.alloc(64 * 1024 * 1024));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

test.runIf(mayMount)(
  'store full (needs the right to mount): checks go on, no action starts, it says so and recovers by itself',
  async () => {
    const d = await RealDaemon.prepare('');
    daemon = d;
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', d.path('state')]);
    const up = join(d.directory, 'up');
    const acted = join(d.directory, 'acted');
    writeFileSync(up, '');
    d.write(
      'runbooks/worker.yaml',
      `runbook: workers
hosts: [web-1]
every: 1s
checks: { running: { run: "test -e ${up} && echo up || { echo down; exit 2; }", max_attempts: 1 } }
actions:
  restart:
    when: { check: running, attempts: 1 }
    run: touch ${acted} ${up}
    verify: { within: 15s, stays_ok: 1s }
`,
    );
    await d.start();
    await d.event('state.changed', (event) => event.data['to'] === 'ok');

    fill(d.path('state/ballast'));
    rmSync(up);
    await vi.waitFor(() => expect(d.app.daemon.checks()[0]?.status).toMatchObject({ state: 'critical' }));
    await vi.waitFor(() => expect(d.app.daemon.checks()[0]?.status.problemResults).toBeGreaterThan(3));
    expect(existsSync(acted)).toBe(false);
    const { host, port } = d.app.address;
    const ready = await fetch(`http://${host}:${port}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('store');

    rmSync(d.path('state/ballast'));
    await d.event('store.recovered');
    await d.event('action.ended', (event) => event.data['status'] === 'verified');
    expect(existsSync(acted)).toBe(true);
    const page = await d.get<{ items: { to: string }[] }>(
      '/api/v1/transitions?host=web-1&check=workers.running',
    );
    expect(
      page.items
        .map((each) => each.to)
        .toReversed()
        .slice(0, 3),
    ).toEqual(['ok', 'critical', 'ok']);
    await vi.waitFor(async () => expect((await fetch(`http://${host}:${port}/readyz`)).status).toBe(200));
  },
);
