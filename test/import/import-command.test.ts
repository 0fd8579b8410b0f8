/** `mendd import`: what is printed, what is written, and what it ends with. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runToExit } from '../../cli/exit.ts';
import { createProgram } from '../../cli/program.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const nagios = fileURLToPath(new URL('../fixtures/import/nagios/full', import.meta.url));
const monit = fileURLToPath(new URL('../fixtures/import/monit/full', import.meta.url));

async function mendd(
  ...args: string[]
): Promise<{ code: number | string | undefined; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      said[stream] += text as string;
      return true;
    }),
  );
  onTestFinished(() => {
    process.exitCode = undefined;
  });
  process.exitCode = undefined;
  await runToExit(() => createProgram().parseAsync(['node', 'mendd', ...args]));
  const code = process.exitCode ?? 0;
  process.exitCode = undefined;
  for (const spy of spies) spy.mockRestore();
  return { code, ...said };
}

test('a written import ends with 0, tells on stderr what was left out, and by line on stdout', async () => {
  const out = join(temporaryTree({}), 'ops');
  const { code, stdout, stderr } = await mendd('import', 'nagios', join(nagios, 'nagios.cfg'), '--out', out);
  expect([code, stderr]).toEqual([0, expect.stringContaining('is written and valid: 6 hosts')]);
  expect(stderr).toMatch(/\d+ places were left out/);
  expect(stdout).toMatch(/objects\/web\/services\.cfg:100 +check +`Only Nagios`/);
  expect(readFileSync(join(out, 'IMPORT.md'), 'utf8')).toContain('### objects/web/services.cfg');
  expect(readFileSync(join(out, 'mendd.yaml'), 'utf8')).toContain('mode: observe');

  const again = await mendd('import', 'nagios', join(nagios, 'nagios.cfg'), '--out', out);
  expect([again.code, again.stdout]).toEqual([1, '']);
  expect(again.stderr).toContain('is not empty; it holds IMPORT.md, definitions, mendd.yaml');
});

test('JSON holds the same, with the options of the importer', async () => {
  const out = join(temporaryTree({}), 'ops');
  const { code, stdout } = await mendd(
    'import',
    'monit',
    monit,
    '--host',
    'web-1',
    '--out',
    out,
    '-o',
    'json',
  );
  const told = JSON.parse(stdout) as Record<string, unknown>;
  expect(code).toBe(0);
  expect(told).toMatchObject({ valid: true, problems: [], counts: { hosts: 1, services: 12 } });
  expect(readFileSync(join(out, 'definitions/hosts/monit.yaml'), 'utf8')).toContain('web-1:');
});

test('what cannot be read ends with 1 and a way out, and nothing is written', async () => {
  const out = join(temporaryTree({}), 'ops');
  const { code, stderr } = await mendd('import', 'nagios', '/nowhere/nagios.cfg', '--out', out);
  expect([code, stderr]).toEqual([1, expect.stringContaining('/nowhere/nagios.cfg cannot be read')]);
  expect(() => readFileSync(join(out, 'mendd.yaml'))).toThrow(/ENOENT/);
});
