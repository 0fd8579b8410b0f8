import { expect, test } from 'vitest';
import { ask, binDir, planOf, temporaryDir } from './machine.ts';

const probe = { kind: 'disk', path: '/var/log', warnPercent: 80, critPercent: 90 } as const;

function df(blocks: string, inodes = '', exitCode = 0): string {
  const show = (header: string, row: string) =>
    row === '' ? 'exit 1' : `printf '%s\\n' '${header}' '${row}'; exit ${exitCode}`;
  return binDir({
    df: [
      `[ "$3 $4" = "-- /var/log" ] || exit 64`,
      `[ "$2" = -k ] && { ${show('Filesystem     1024-blocks     Used Available Capacity Mounted on', blocks)}; }`,
      show('Filesystem      Inodes  IUsed   IFree IUse% Mounted on', inodes),
    ].join('\n'),
  });
}

const cases: [string, string, string, string, string][] = [
  [
    'room',
    '/dev/vda1 1000000 400000 600000 40% /var',
    '/dev/vda1 1000 10 990 1% /var',
    'ok',
    '/var/log (on /var) 40% used, 586 MiB of 977 MiB free',
  ],
  [
    'warning at the limit',
    '/dev/vda1 1000 800 200 80% /var/log',
    '',
    'warning',
    '/var/log 80% used, 200 KiB of 1000 KiB free',
  ],
  [
    'critical at the limit',
    '/dev/vda1 1000 900 100 90% /var/log',
    '',
    'critical',
    '/var/log 90% used, 100 KiB of 1000 KiB free',
  ],
  [
    'critical',
    '/dev/vda1 1000 950 50 95% /var/log',
    '',
    'critical',
    '/var/log 95% used, 50 KiB of 1000 KiB free',
  ],
  [
    'full for everybody but root',
    '/dev/vda1 1000 950 0 100% /var/log',
    '',
    'critical',
    '/var/log 100% used, 0 KiB of 950 KiB free',
  ],
  [
    'almost full is not called full',
    '/dev/vda1 1000000 999999 1 100% /var/log',
    '',
    'critical',
    '/var/log 99.9% used, 1 KiB of 977 MiB free',
  ],
  [
    'out of inodes with room left',
    '/dev/vda1 1000 10 990 1% /var/log',
    '/dev/vda1 100 100 0 100% /var/log',
    'critical',
    '/var/log 1% used, 990 KiB of 1000 KiB free; 100% of inodes used',
  ],
  [
    'inodes at warning while bytes are critical',
    '/dev/vda1 1000 950 50 95% /var/log',
    '/dev/vda1 100 85 15 85% /var/log',
    'critical',
    '/var/log 95% used, 50 KiB of 1000 KiB free; 85% of inodes used',
  ],
  [
    'no inode table (btrfs)',
    '/dev/vda1 1000 10 990 1% /var/log',
    '/dev/vda1 0 0 0 - /var/log',
    'ok',
    '/var/log 1% used, 990 KiB of 1000 KiB free',
  ],
  [
    'names with spaces',
    '//nas/my share 1000 500 500 50% /mnt/my 12 share',
    '',
    'ok',
    '/var/log (on /mnt/my 12 share) 50% used, 500 KiB of 1000 KiB free',
  ],
  [
    'no size at all',
    'proc 0 0 0 - /proc',
    '',
    'unknown',
    '/var/log is on /proc, a filesystem without a size',
  ],
  ['a row that is none', 'something odd', '', 'unknown', '/var/log: df told nothing (exit 0)'],
];

test.each(cases)('%s', async (_name, blocks, inodes, state, text) => {
  const result = await ask(planOf(probe), { path: df(blocks, inodes) });
  expect([result.state, result.text]).toEqual([state, text]);
});

test('performance data carry limits, bytes and inodes', async () => {
  const path = df('/dev/vda1 1000 800 200 80% /', '/dev/vda1 100 25 75 25% /');
  const { perfdata } = await ask(planOf(probe), { path });
  expect(perfdata).toEqual([
    { label: 'used', value: 80, uom: '%', warn: '80', crit: '90', min: 0, max: 100 },
    { label: 'free', value: 204_800, uom: 'B', warn: '', crit: '', min: 0, max: 1_024_000 },
    { label: 'inodes', value: 25, uom: '%', warn: '80', crit: '90', min: 0, max: 100 },
  ]);
});

test('this machine has a disk', async () => {
  const path = temporaryDir();
  const result = await ask(planOf({ kind: 'disk', path, warnPercent: 101, critPercent: 101 }));
  expect(result.state).toBe('ok');
  expect(result.perfdata[0]?.value).toBeGreaterThan(0);
});

test('a limit below what is used is critical on this machine', async () => {
  const result = await ask(planOf({ kind: 'disk', path: '/', warnPercent: 0, critPercent: 0 }));
  expect(result.state).toBe('critical');
});

test('a missing path is UNKNOWN with the words of df', async () => {
  const result = await ask(planOf({ ...probe, path: '/nowhere/at all' }));
  expect(result.state).toBe('unknown');
  expect(result.text).toMatch(/^\/nowhere\/at all: df: .*No such file or directory$/);
});

test('no df is UNKNOWN', async () => {
  expect((await ask(planOf(probe), { path: '/nowhere' })).state).toBe('unknown');
});
