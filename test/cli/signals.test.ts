/** `mendd serve` as a process: what systemd sends it and what it tells systemd, through the real systemd-notify. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let directory: string;
let children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-signals-'));
  for (const name of ['hosts', 'runbooks']) mkdirSync(join(directory, name));
  write(
    'mendd.yaml',
    'definitions: { path: . }\nstore: { path: ./mendd.db }\napi: { listen: "127.0.0.1:0" }\n',
  );
  write('hosts/ops.yaml', 'hosts: { ops: { transport: local } }\n');
  write(
    'runbooks/slow.yaml',
    'runbook: slow\nhosts: [ops]\nevery: 1s\nchecks: { nap: { run: "sleep 2; echo rested", timeout: 5s } }\n',
  );
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  children = [];
  rmSync(directory, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  writeFileSync(join(directory, name), text);
}

interface Served {
  child: ChildProcess;
  lines: () => { msg: string }[];
  said: (text: string) => Promise<void>;
  exited: Promise<number | null>;
}

function serve(env: Record<string, string> = {}): Served {
  const child = spawn(
    process.execPath,
    ['dist/cli/main.js', 'serve', '--config', join(directory, 'mendd.yaml')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    },
  );
  children.push(child);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const lines = (): { msg: string }[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { msg: string });
  const said = async (wanted: string): Promise<void> => {
    await vi.waitFor(() =>
      expect(
        lines()
          .map((line) => line.msg)
          .join('\n'),
      ).toContain(wanted),
    );
  };
  return { child, lines, said, exited: new Promise((resolve) => child.on('close', resolve)) };
}

test('SIGHUP swaps good definitions and keeps the old ones when the new are bad', async () => {
  const { child, said } = serve();
  await said('started');
  write('runbooks/bad.yaml', 'runbook: bad\nhosts: [nobody]\nchecks: { a: { rum: x } }\n');
  child.kill('SIGHUP');
  await said('reload: refused, the old definitions stay');
  write('runbooks/bad.yaml', 'runbook: good\nhosts: [ops]\nchecks: { a: { run: "true" } }\n');
  child.kill('SIGHUP');
  await said('reload: done');
  expect(child.exitCode).toBeNull();
});

test('a SIGHUP while it starts does not end it', async () => {
  const { child, said, lines } = serve();
  const nudge = setInterval(() => {
    if (existsSync(join(directory, 'mendd.db'))) child.kill('SIGHUP');
  }, 5);
  await said('reload: done');
  clearInterval(nudge);
  expect(lines()[0]?.msg).toBe('started');
});

test('SIGTERM lets the check under way end, then leaves with 0', async () => {
  const { child, said, lines, exited } = serve();
  await said('started');
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
  expect(lines().at(-1)?.msg).toBe('stopped');
});

test('systemd is told: ready, alive, reloading, stopping', async () => {
  const socket = join(directory, 'notify.sock');
  const heard = join(directory, 'heard');
  const listen = `use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
    open(my $f, '>>', $ARGV[1]); $f->autoflush(1); while (defined $s->recv(my $m, 4096)) { print $f "$m\\n"; }`;
  children.push(spawn('perl', ['-MIO::Handle', '-e', listen, socket, heard], { stdio: 'inherit' }));
  await vi.waitFor(() => expect(existsSync(socket)).toBe(true));
  const { child, exited } = serve({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '1000000' });
  const hears = async (word: string): Promise<void> => {
    await vi.waitFor(() => expect(readFileSync(heard, 'utf8')).toContain(word));
  };
  await hears('READY=1');
  await hears('WATCHDOG=1');
  child.kill('SIGHUP');
  await hears('RELOADING=1');
  child.kill('SIGTERM');
  await exited;
  await hears('STOPPING=1');
  expect(child.exitCode).toBe(0);
});
