import { expect, test } from 'vitest';
import { ask, binDir, planOf, runScript } from './machine.ts';

const probe = { kind: 'ping', count: 3, warnMs: 100, critMs: 200, lossPercent: 60 } as const;

function ping(text: string, exitCode = 0): string {
  return binDir({
    ping: `[ "$*" = "-n -q -c 3 -i 0.2 -W 3 -- 127.0.0.1" ] || { echo "odd: $*" >&2; exit 64; }
${text}
exit ${exitCode}`,
  });
}

function iputils(received: number, loss: string, averageMs?: number): string {
  const rtt =
    averageMs === undefined ? '' : `echo 'rtt min/avg/max/mdev = 0.030/${averageMs}/0.055/0.010 ms'`;
  return `echo '3 packets transmitted, ${received} received, ${loss}% packet loss, time 402ms'\n${rtt}`;
}

const cases: [string, string, number, string, string][] = [
  ['all replies', iputils(3, '0', 0.045), 0, 'ok', '127.0.0.1 3 of 3 replies, average 0.05 ms'],
  ['some lost', iputils(2, '33.3333', 1.25), 0, 'ok', '127.0.0.1 2 of 3 replies, 33.3% lost, average 1.3 ms'],
  [
    'too many lost',
    iputils(1, '66.6667', 1),
    0,
    'critical',
    '127.0.0.1 1 of 3 replies, 66.7% lost, average 1 ms',
  ],
  ['none', iputils(0, '100'), 1, 'critical', '127.0.0.1 0 of 3 replies, 100% lost'],
  [
    'errors counted',
    `echo '3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 2030ms'`,
    1,
    'critical',
    '127.0.0.1 0 of 3 replies, 100% lost',
  ],
  ['slow', iputils(3, '0', 150), 0, 'warning', '127.0.0.1 3 of 3 replies, average 150 ms, limit 100 ms'],
  ['too slow', iputils(3, '0', 1200), 0, 'critical', '127.0.0.1 3 of 3 replies, average 1.2 s, limit 200 ms'],
  [
    'busybox',
    `echo '3 packets transmitted, 3 packets received, 0% packet loss'\necho 'round-trip min/avg/max = 0.1/0.2/0.3 ms'`,
    0,
    'ok',
    '127.0.0.1 3 of 3 replies, average 0.2 ms',
  ],
  [
    'no permission',
    'echo "ping: socket: Operation not permitted" >&2',
    2,
    'unknown',
    '127.0.0.1: ping: socket: Operation not permitted',
  ],
  [
    'our own network is away',
    'echo "ping: connect: Network is unreachable" >&2',
    2,
    'unknown',
    '127.0.0.1: ping: connect: Network is unreachable',
  ],
  [
    'nothing could be sent',
    `echo '0 packets transmitted, 0 received, 100% packet loss, time 0ms'; echo 'ping: sendmsg: No buffer' >&2`,
    1,
    'unknown',
    '127.0.0.1: ping: sendmsg: No buffer',
  ],
  ['silence', ':', 3, 'unknown', '127.0.0.1: ping ended with 3'],
];

test.each(cases)('%s', async (_name, script, exitCode, state, text) => {
  const result = await ask(planOf(probe), { path: ping(script, exitCode) });
  expect([result.state, result.text]).toEqual([state, text]);
});

test('performance data are rta and pl', async () => {
  const result = await ask(planOf(probe), { path: ping(iputils(2, '33.3333', 1.25)) });
  expect(result.perfdata).toEqual([
    { label: 'rta', value: 1.25, uom: 'ms', warn: '100', crit: '200', min: 0, max: null },
    { label: 'pl', value: 33.3333, uom: '%', warn: '', crit: '60', min: 0, max: 100 },
  ]);
});

test.each([
  ['no number', '1.2.3'],
  ['a number beyond all numbers', '9'.repeat(400)],
])('an average that is %s is no performance data', async (_, average) => {
  const said = `echo '3 packets transmitted, 3 received, 0% packet loss'; echo 'min/avg/max = 1/${average}/1 ms'`;
  const { perfdata } = await ask(planOf(probe), { path: ping(said) });
  expect(perfdata.map(({ label }) => label)).toEqual(['pl']);
});

test('no ping is UNKNOWN', async () => {
  expect(await ask(planOf(probe), { path: '/nowhere' })).toMatchObject({
    state: 'unknown',
    text: '127.0.0.1: ping is not installed where this check runs',
  });
});

test('it is a command from the ops box too, and a hostile address stays one word', async () => {
  const plan = planOf({ ...probe, address: "-f'; id #" }, { runOn: { kind: 'local' } });
  const path = binDir({ ping: 'for last; do :; done; printf "%s" "$last"' });
  const outcome = await runScript(plan.kind === 'command' ? plan.script : '', { path });
  expect(outcome.stdout).toBe("-f'; id #");
});

const permitted = (await runScript('ping -n -q -c 1 -W 1 127.0.0.1')).exitCode === 0;

test.skipIf(!permitted)(
  'the real ping of this machine (skipped where ping is not installed or permitted)',
  async () => {
    const result = await ask(planOf({ kind: 'ping', count: 2, lossPercent: 60 }));
    expect(result.state).toBe('ok');
    expect(result.perfdata[0]).toMatchObject({ label: 'rta', uom: 'ms' });
  },
);
