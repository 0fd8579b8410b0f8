import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';

function play(...args: string[]): Promise<{ code: number | null; text: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['dist/cli/main.js', 'demo', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
    }
    child.on('close', (code) => resolve({ code, text }));
  });
}

test('the demo heals a worker, climbs to a reboot, holds a flapping one, and says so', {
  timeout: 180_000,
}, async () => {
  const { code, text } = await play('--once');
  expect(text).toContain('restart verified');
  expect(text).toMatch(/reboot verified[\s\S]*boot id [0-9a-f]{8} became [0-9a-f]{8}/);
  expect(text).toContain('restart held: flapping');
  expect(text).toContain('All three ended as told.');
  expect(code).toBe(0);
});

test('interrupted in an episode it leaves nothing behind', async () => {
  const child = spawn(process.execPath, ['dist/cli/main.js', 'demo'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await vi.waitFor(() => expect(text).toContain('Episode 1'));
  const directory = /Files: (\S+)/.exec(text)?.[1] ?? '';
  expect(existsSync(`${directory}/id`)).toBe(true);
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGINT');
  expect([await ended, existsSync(directory)]).toEqual([130, false]);
});
