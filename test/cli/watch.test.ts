/** `--watch` as a process against a real API: what changes is shown at once, without events a little later, and Ctrl-C ends it well. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { cliAgainstApi } from '../support/cli-api.ts';
import { checkView } from '../support/fake-views.ts';
import { mendd, menddFile } from '../support/mendd.ts';

const cli = cliAgainstApi();

interface Watching {
  child: ChildProcess;
  text: () => string;
  lines: () => { check: string; status: { state: string } }[];
  /** SIGINT, and its exit code. */
  end: () => Promise<number | null>;
}

function start(program: string, args: string[], at = cli.url): Watching {
  const env = { PATH: process.env['PATH'] ?? '', TERM: 'xterm', MENDD_API: at };
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    child,
    text: () => text,
    lines: () => {
      const whole = text.split('\n').slice(0, -1);
      return whole.map((line) => JSON.parse(line) as ReturnType<Watching['lines']>[number]);
    },
    end: () =>
      new Promise((resolve) => {
        child.once('close', resolve);
        child.kill('SIGINT');
      }),
  };
}

function watch(...args: string[]): Watching {
  return start(process.execPath, [menddFile, ...args, '--watch']);
}

const soon = (check: () => void, timeout = 30_000): Promise<void> =>
  vi.waitFor(check, { timeout, interval: 20 });

function change(): void {
  cli.daemon.checkList = [checkView('web-1', 'app.running', 'ok'), checkView('web-2', 'app.running', 'ok')];
  cli.daemon.emit();
}

test('JSON lines: first all of it, then what is new, as soon as the daemon tells', async () => {
  const watching = watch('checks', '-o', 'ndjson');
  await soon(() => expect(watching.lines()).toHaveLength(2));
  // Without the event it would be seen after ten seconds.
  await soon(() => expect(cli.daemon.listeners).toBe(1));
  change();
  await soon(() => expect(watching.lines()).toHaveLength(3), 8_000);
  expect(watching.lines()[2]).toMatchObject({ host: 'web-1', status: { state: 'ok' } });
  expect(await watching.end()).toBe(0);
});

test('where there are no events it looks by itself', async () => {
  const relay: Server = createServer((asked, answer) => {
    if (asked.url?.startsWith('/api/v1/events') === true) return void answer.writeHead(404).end();
    const { url: path, headers } = asked;
    request(new URL(path ?? '', cli.url), { headers }, (told) => {
      answer.writeHead(told.statusCode ?? 500, told.headers);
      told.pipe(answer);
    }).end();
  });
  await new Promise<void>((done) => relay.listen(0, '127.0.0.1', done));
  onTestFinished(() => void relay.close());
  const at = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
  const watching = start(process.execPath, [menddFile, 'checks', '-o', 'ndjson', '--watch'], at);
  await soon(() => expect(watching.lines()).toHaveLength(2));
  change();
  await soon(() => expect(watching.lines()).toHaveLength(3));
  expect(await watching.end()).toBe(0);
});

test.each([['status'], ['hosts'], ['runs'], ['checks'], ['history', 'web-1']])(
  '%s is drawn again on a terminal',
  async (...args) => {
    const command = [process.execPath, menddFile, ...args, '--watch'].join(' ');
    const watching = start('script', ['-qefc', command, '/dev/null']);
    await soon(() => expect(watching.text().split('\u001b[2J').length).toBeGreaterThan(1));
    change();
    await soon(() => expect(watching.text().split('\u001b[2J').length).toBeGreaterThan(2));
    watching.child.kill('SIGTERM');
  },
);

test('an absent daemon is said and waited for', async () => {
  const watching = start(process.execPath, [menddFile, 'status', '--watch'], 'http://127.0.0.1:1');
  await soon(() => expect(watching.text()).toContain('Nothing below this line is known.'));
  expect(await watching.end()).toBe(0);
});

test('an error ends it as it ends the command without --watch; no room is waited for', async () => {
  const env = { MENDD_API: cli.url, MENDD_TOKEN: 'worthless' };
  const refused = await mendd(['status', '--watch'], { env });
  expect([refused.code, refused.stderr]).toEqual([77, expect.stringContaining('mendd: ')]);
  let isFull = true;
  const relay = createServer((asked, answer) => {
    if (!isFull) return void answer.writeHead(404).end('{"detail":"gone"}');
    answer.writeHead(503, { 'retry-after': '5' }).end('{"detail":"mendd is stopping."}');
    isFull = !asked.url?.startsWith('/api/v1/now');
  });
  await new Promise<void>((done) => relay.listen(0, '127.0.0.1', done));
  onTestFinished(() => void relay.close());
  const at = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
  const ended = await mendd(['status', '--watch'], { env: { MENDD_API: at } });
  expect([ended.code, ended.stderr]).toEqual([64, expect.stringMatching(/stopping\. Nothing below[^]*gone/)]);
});
