/** `mendd config show` as a process: without a daemon, without a secret. */
import { beforeAll, expect, test } from 'vitest';
import { assertBuilt, mendd } from '../support/mendd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

beforeAll(assertBuilt);

test('every value of the daemon file with where it comes from', async () => {
  const cwd = temporaryTree({
    'mendd.yaml': 'ssh:\n  user: ops\n  identity: "${env:ABSENT_KEY}"\nstore: { path: ./a.db }\n',
  });
  const shown = await mendd(['config', 'show', '--origin'], { cwd });
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(/^KEY +FROM +VALUE\n/);
  expect(shown.stdout).toMatch(/^ssh\.user +mendd\.yaml:2:9 +ops$/m);
  expect(shown.stdout).toMatch(/^ssh\.identity +mendd\.yaml:3:13 +\$\{env:ABSENT_KEY\}$/m);
  expect(shown.stdout).toMatch(/^store\.keep\.results +default +7d$/m);
  const json = await mendd(['config', 'show', '--origin', '-o', 'json'], { cwd });
  expect(JSON.parse(json.stdout)).toMatchObject({
    version: 1,
    values: expect.arrayContaining([{ key: 'store.path', value: './a.db', from: 'mendd.yaml:4:16' }]),
  });
  const alone = await mendd(['config', 'show', '-o', 'ndjson'], { cwd });
  expect(JSON.parse(alone.stdout.split('\n')[0] ?? '')).not.toHaveProperty('from');
});

test('a file with mistakes is refused with its places, a missing one with 78', async () => {
  const cwd = temporaryTree({ 'mendd.yaml': 'store: { path: 7 }\n' });
  expect(await mendd(['config', 'show'], { cwd })).toMatchObject({
    code: 65,
    stdout: '',
    stderr: expect.stringMatching(/^mendd\.yaml:1:16: /),
  });
  expect((await mendd(['config', 'show', '-c', 'nowhere.yaml'], { cwd })).code).toBe(78);
});
