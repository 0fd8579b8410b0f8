import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quoteShell } from '../../core/shell-quote.ts';
import { hostSpelling, keysOf, parseKnownHosts } from '../../runner/known-hosts.ts';
import { OutputCapture } from '../../runner/output-capture.ts';
import { endedByLimit, readProbe, remoteScript } from '../../runner/remote-script.ts';

test('whatever is quoted reads back as it was, in dash and in bash', () => {
  const texts = fc
    .sample(fc.string({ unit: 'binary', maxLength: 40 }), 100)
    .map((text) => text.replaceAll('\0', ''));
  texts.push('', "'", "''", '\n', '-n', '~', '*', '$(id)', '`id`', '!!', '\\', 'a b', '=x', '#x', 'ü€😀');
  const wellFormed = texts.map((text) => Buffer.from(text).toString());
  for (const shell of ['sh', 'bash']) {
    const script = `for word in ${wellFormed.map(quoteShell).join(' ')}; do printf '%s\\0' "$word"; done`;
    const output = execFileSync(shell, ['-c', script], { encoding: 'utf8' });
    expect(output.split('\0').slice(0, -1)).toEqual(wellFormed);
  }
  expect(() => quoteShell('a\0b')).toThrow('NUL');
});

test('the capture keeps the head whatever the chunks, and never half a character', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.integer({ min: 0, max: 80 }),
      fc.integer({ min: 1, max: 9 }),
      (raw, limit, size) => {
        const bytes = Buffer.from(raw);
        const capture = new OutputCapture(limit);
        for (let at = 0; at < bytes.length; at += size) capture.push(bytes.subarray(at, at + size));
        const text = capture.text();
        expect(capture.truncated).toBe(bytes.length > limit);
        expect(bytes.toString().startsWith(text)).toBe(true);
        expect(Buffer.byteLength(text)).toBeGreaterThan(Math.min(limit, bytes.length) - 4);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limit);
      },
    ),
  );
});

test('bytes that are no UTF-8 are kept as replacement characters', () => {
  const capture = new OutputCapture(100);
  capture.push(Uint8Array.of(0x61, 0xff, 0xc3));
  expect(capture.text()).toBe('a\ufffd\ufffd');
});

test('the command of an exec is constant, valid in every shell, and carries no data', () => {
  const request = { script: "echo 'secret!'", timeoutMs: 1_500, env: { TOKEN: 'hunter2' } };
  expect(remoteScript(request, 'timeout').command).toBe('exec /bin/sh -s');
  expect(remoteScript({ ...request, sudo: { user: 'app user' } }, 'timeout').command).toBe(
    "exec sudo -n -u 'app user' -- /bin/sh -s",
  );
  const piped = remoteScript({ ...request, stdin: 'data' }, 'timeout');
  expect(piped.command).toMatch(/^exec \/bin\/sh -c 'eval "\$\(dd bs=1 count=\d+ 2>\/dev\/null\)"'$/);
  expect(piped.input.toString().endsWith('}\ndata')).toBe(true);
});

test('a script that is cut off anywhere on the way runs nothing at all', () => {
  const { input } = remoteScript({ script: 'echo RAN', timeoutMs: 5_000, env: { A: 'b' } }, 'timeout');
  const complete = execFileSync('sh', ['-s'], { input, encoding: 'utf8' });
  expect(complete).toBe('RAN\n');
  // The last bytes are `}` and a newline that adds nothing.
  for (let length = 0; length <= input.length - 2; length += 1) {
    const cut = execFileSync('sh', ['-c', 'sh -s 2>/dev/null; true'], {
      input: input.subarray(0, length),
      encoding: 'utf8',
    });
    expect(cut).toBe('');
  }
});

test('the probe is found among the noise of start-up files', () => {
  expect(readProbe('Welcome!\nmendd-host-answers:timeout\n')).toBe('timeout');
  expect(readProbe('fortune: x\n\nmendd-host-answers:shell')).toBe('shell');
  expect(readProbe('This account is currently not available.\n')).toBeUndefined();
  expect(readProbe('mendd-host-answers:what\n')).toBeUndefined();
});

test('only an end at or after the limit is the limit’s doing', () => {
  expect(endedByLimit({ exitCode: 124 }, 999, 1_000)).toBe(false);
  expect(endedByLimit({ exitCode: 124 }, 1_000, 1_000)).toBe(true);
  expect(endedByLimit({ exitCode: 1 }, 5_000, 1_000)).toBe(false);
  expect(endedByLimit({ signal: 'SIGKILL' }, 5_000, 1_000)).toBe(true);
  expect(endedByLimit({ signal: 'SIGSEGV' }, 5_000, 1_000)).toBe(false);
});

test('known_hosts lines match as in sshd(8)', () => {
  const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIBhVhzBSl8oXJvA2rGJRPPDOC9C5Xkq1PPNJYJ4T9HPq';
  const text = [
    '# comment',
    '',
    `web-1,10.0.0.1 ssh-ed25519 ${key} a comment`,
    `*.example.com,!bad.example.com ssh-ed25519 ${key}`,
    `[web-1]:2222 ssh-ed25519 ${key}`,
    `@revoked lost ssh-ed25519 ${key}`,
    `@unknown web-1 ssh-ed25519 ${key}`,
    `web-1 ssh-rsa ${key}`,
    'web-1 ssh-ed25519 !!!',
    'web-1',
  ].join('\r\n');
  const entries = parseKnownHosts(text);
  const lines = (address: string, port = 22) =>
    keysOf(entries, hostSpelling(address, port)).map((entry) => [entry.line, entry.marker]);
  expect(lines('WEB-1')).toEqual([[3, undefined]]);
  expect(lines('10.0.0.1')).toEqual([[3, undefined]]);
  expect(lines('a.b.example.com')).toEqual([[4, undefined]]);
  expect(lines('bad.example.com')).toEqual([]);
  expect(lines('web-1', 2222)).toEqual([[5, undefined]]);
  expect(lines('lost')).toEqual([[6, 'revoked']]);
});
