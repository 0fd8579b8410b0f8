/** What nsca 2.10.2 writes into its command file reaches `mendd submit`; the lines are as that daemon wrote them. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { temporaryTree } from '../support/temporary-tree.ts';

const written = [
  '[1700000000] PROCESS_SERVICE_CHECK_RESULT;web-1;Backup Job;2;no; backup | size=4GB',
  '[1700000000] PROCESS_HOST_CHECK_RESULT;web-1;0;host up',
  String.raw`[1700000001] PROCESS_SERVICE_CHECK_RESULT;db-1;/var (root)!;0;line one\nline two`,
];

test('each result of a service becomes a line of its check, and one that is not taken is told', async () => {
  const root = temporaryTree({
    'bin/mendd': '#!/bin/sh\necho "$@" >> "$OUT.words"\ncat >> "$OUT"\n! grep -q db-1 "$OUT"\n',
  });
  chmodSync(join(root, 'bin/mendd'), 0o755);
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
  try {
    // Two senders: the end of the first is not the end of the bridge.
    writeFileSync(pipe, `${written.slice(0, 2).join('\n')}\n`);
    writeFileSync(pipe, `${written[2]}\n`);
    await vi.waitFor(() => expect(said).toBe('not taken: db-1 var_root\n'));
    expect(readFileSync(out, 'utf8')).toBe(
      'web-1\tbackup_job\t2\tno; backup | size=4GB\ndb-1\tvar_root\t0\tline one\\nline two\n',
    );
    expect(readFileSync(`${out}.words`, 'utf8')).toBe('submit --stdin\n'.repeat(2));
  } finally {
    bridge.kill();
  }
});
