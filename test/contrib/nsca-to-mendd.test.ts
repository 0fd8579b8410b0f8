/** What nsca 2.10.2 writes into its command file reaches `mendd submit`; the lines are as that daemon wrote them. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { temporaryTree } from '../support/temporary-tree.ts';

const written = [
  '[1700000000] PROCESS_SERVICE_CHECK_RESULT;web-1;Backup Job;2;no; backup | size=4GB',
  '[1700000000] PROCESS_HOST_CHECK_RESULT;web-1;0;host up',
  String.raw`[1700000001] PROCESS_SERVICE_CHECK_RESULT;db-1;/var (root)!;0;line one\nline two`,
];

const started: (() => void)[] = [];

afterEach(() => {
  for (const stop of started.splice(0)) stop();
});

function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
}

/** `mendd` of its own, which keeps its words and its input, and then does `answer`. */
function startBridge(answer: string) {
  const mendd = `#!/bin/sh\necho "$@" >> "$OUT.words"\ncat >> "$OUT"\n${answer}\n`;
  const root = temporaryTree({ 'bin/mendd': mendd }, ['bin/mendd']);
  const [pipe, out] = [join(root, 'results'), join(root, 'out')];
  execFileSync('mkfifo', [pipe]);
  const env = { PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`, OUT: out };
  const bridge = spawn('sh', ['contrib/nsca-to-mendd.sh', pipe], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  bridge.stderr.on('data', (text) => {
    said += String(text);
  });
  started.push(() => bridge.kill());
  return {
    pipe,
    said: () => said,
    told: () => linesOf(out),
    words: () => linesOf(`${out}.words`),
  };
}

test('each result of a service becomes a line of its check with its time, and what is not taken is told', async () => {
  const { pipe, said, told, words } = startBridge(
    '! grep -q db-1 "$OUT" || { echo "db-1 var_root unknown"; exit 1; }',
  );
  // Two senders: the end of the first is not the end of the bridge.
  await writeFile(pipe, `${written.slice(0, 2).join('\n')}\n`);
  await vi.waitFor(() => expect(told()).toHaveLength(1));
  await writeFile(pipe, `${written[2]}\n`);
  await vi.waitFor(() => expect(said()).toBe('not taken:\ndb-1 var_root unknown\n'));
  expect(told()).toEqual([
    '[1700000000] web-1\tbackup_job\t2\tno; backup | size=4GB',
    String.raw`[1700000001] db-1${'\t'}var_root${'\t'}0${'\t'}line one\nline two`,
  ]);
  expect(words()).toEqual(['submit --stdin', 'submit --stdin']);
});

test('many results are told together, none is lost or cut, and all are named when the daemon is away', async () => {
  const { pipe, said, told, words } = startBridge('exit 75');
  const lines = Array.from(
    { length: 1_000 },
    (_, i) => `[1700000000] PROCESS_SERVICE_CHECK_RESULT;web-1;Job ${i};0;done, as it was planned äöü ${i}`,
  );
  // More than the pipe holds: what is read at once ends within a line.
  await writeFile(pipe, `${lines.join('\n')}\n`);
  await vi.waitFor(() => expect(told()).toHaveLength(lines.length));
  const all = lines.map((_, i) => `[1700000000] web-1\tjob_${i}\t0\tdone, as it was planned äöü ${i}`);
  expect(told()).toEqual(all);
  expect(words().length).toBeLessThan(5);
  await vi.waitFor(() => expect(said().split('\n')).toEqual(expect.arrayContaining(all)));
});
