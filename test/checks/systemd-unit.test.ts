import { expect, test } from 'vitest';
import { ask, binDir, planOf } from './machine.ts';

/** A systemctl that answers one `show` and refuses to be asked in any other way. */
function systemctl(answer: Record<string, string> | string, exitCode = 0): string {
  const text =
    typeof answer === 'string'
      ? answer
      : Object.entries(answer)
          .map(([key, value]) => `${key}=${value}`)
          .join('\n');
  return binDir({
    systemctl: [
      'case "$1 $2 $3" in',
      '"show --property=LoadState,ActiveState,"*" --") ;;',
      '*) echo "unexpected: $*"; exit 64 ;;',
      'esac',
      '[ "$#" = 4 ] || exit 64',
      `printf '%s\\n' '${text}'`,
      `exit ${exitCode}`,
    ].join('\n'),
  });
}

const plan = planOf({ kind: 'systemd_unit', unit: 'queue-worker' });
const loaded = { LoadState: 'loaded', Result: 'success', UnitFileState: 'enabled' };
const timer = { Type: 'oneshot', TriggeredBy: 'backup.timer' };

const cases: [string, Record<string, string>, string, string][] = [
  [
    'running',
    {
      ...loaded,
      ActiveState: 'active',
      SubState: 'running',
      ActiveEnterTimestamp: 'Sat 2026-11-21 02:00 UTC',
    },
    'ok',
    'queue-worker active (running) since Sat 2026-11-21 02:00 UTC',
  ],
  [
    'restarted by systemd',
    { ...loaded, ActiveState: 'active', SubState: 'running', NRestarts: '4' },
    'ok',
    'queue-worker active (running), restarted 4 times by systemd',
  ],
  [
    'oneshot that stays',
    { ...loaded, ActiveState: 'active', SubState: 'exited', Type: 'oneshot' },
    'ok',
    'queue-worker active (exited)',
  ],
  ['timer', { ...loaded, ActiveState: 'active', SubState: 'waiting' }, 'ok', 'queue-worker active (waiting)'],
  [
    'failed',
    {
      ...loaded,
      ActiveState: 'failed',
      SubState: 'failed',
      Result: 'exit-code',
      ExecMainStatus: '1',
      InactiveEnterTimestamp: 'Sat 2026-11-21 02:00 UTC',
    },
    'critical',
    'queue-worker failed, exit-code 1 since Sat 2026-11-21 02:00 UTC',
  ],
  [
    'killed for memory',
    { ...loaded, ActiveState: 'failed', SubState: 'failed', Result: 'oom-kill', ExecMainStatus: '9' },
    'critical',
    'queue-worker failed, oom-kill',
  ],
  [
    'stopped',
    { ...loaded, ActiveState: 'inactive', SubState: 'dead' },
    'critical',
    'queue-worker inactive (dead)',
  ],
  [
    'starting',
    { ...loaded, ActiveState: 'activating', SubState: 'start' },
    'warning',
    'queue-worker activating (start)',
  ],
  [
    'reloading',
    { ...loaded, ActiveState: 'reloading', SubState: 'reload' },
    'warning',
    'queue-worker reloading (reload)',
  ],
  [
    'stopping',
    { ...loaded, ActiveState: 'deactivating', SubState: 'stop-sigterm' },
    'warning',
    'queue-worker deactivating (stop-sigterm)',
  ],
  [
    'being killed after a failure',
    { ...loaded, ActiveState: 'deactivating', SubState: 'final-sigkill', Result: 'timeout' },
    'critical',
    'queue-worker deactivating (final-sigkill), timeout',
  ],
  [
    'crash loop',
    {
      ...loaded,
      ActiveState: 'activating',
      SubState: 'auto-restart',
      Result: 'exit-code',
      ExecMainStatus: '3',
      NRestarts: '12',
    },
    'critical',
    'queue-worker activating (auto-restart), exit-code 3, restarted 12 times by systemd',
  ],
  [
    'restart after a clean end',
    { ...loaded, ActiveState: 'activating', SubState: 'auto-restart' },
    'warning',
    'queue-worker activating (auto-restart)',
  ],
  [
    'timer job at rest',
    { ...loaded, ...timer, ActiveState: 'inactive', SubState: 'dead' },
    'ok',
    'queue-worker inactive (dead), next by backup.timer',
  ],
  [
    'timer job at work',
    { ...loaded, ...timer, ActiveState: 'activating', SubState: 'start' },
    'ok',
    'queue-worker activating (start)',
  ],
  [
    'timer job that failed',
    {
      ...loaded,
      ...timer,
      ActiveState: 'failed',
      SubState: 'failed',
      Result: 'exit-code',
      ExecMainStatus: '2',
    },
    'critical',
    'queue-worker failed, exit-code 2',
  ],
  [
    'not found',
    { LoadState: 'not-found', ActiveState: 'inactive', SubState: 'dead', Result: 'success' },
    'unknown',
    'queue-worker inactive (dead): its unit file was not found',
  ],
  [
    'masked',
    { LoadState: 'masked', ActiveState: 'inactive', SubState: 'dead', UnitFileState: 'masked' },
    'unknown',
    'queue-worker inactive (dead): it is masked',
  ],
  [
    'running although masked',
    { LoadState: 'masked', ActiveState: 'active', SubState: 'running' },
    'warning',
    'queue-worker active (running), but it is masked',
  ],
  [
    'broken unit file',
    { LoadState: 'bad-setting', ActiveState: 'inactive', SubState: 'dead' },
    'critical',
    'queue-worker inactive (dead): its unit file could not be loaded (bad-setting)',
  ],
  [
    'a state of the future',
    { ...loaded, ActiveState: 'floating', SubState: 'x' },
    'unknown',
    'queue-worker: systemd reported a state this version does not know: floating (x)',
  ],
];

test.each(cases)('%s', async (_name, answer, state, text) => {
  const result = await ask(plan, { path: systemctl(answer) });
  expect([result.state, result.text]).toEqual([state, text]);
});

test('restarts are performance data; unit file and invocation are the long text', async () => {
  const path = systemctl({
    ...loaded,
    ActiveState: 'active',
    SubState: 'running',
    NRestarts: '2',
    InvocationID: 'ab12',
  });
  const result = await ask(plan, { path });
  expect(result.perfdata).toEqual([
    { label: 'restarts', value: 2, uom: 'c', warn: '', crit: '', min: 0, max: null },
  ]);
  expect(result.longText).toBe('unit file: enabled\ninvocation: ab12');
});

test('an older systemd that knows fewer properties still gives a verdict', async () => {
  const result = await ask(plan, { path: systemctl({ ActiveState: 'active' }) });
  expect(result).toMatchObject({ state: 'ok', text: 'queue-worker active', perfdata: [] });
});

test('no systemctl is UNKNOWN', async () => {
  const result = await ask(plan, { path: '/nowhere' });
  expect(result).toMatchObject({ state: 'unknown', text: 'queue-worker: systemctl is not on this host' });
});

test('a systemctl that cannot ask is UNKNOWN with its words', async () => {
  const path = binDir({ systemctl: 'echo "Failed to connect to bus: Host is down" >&2; exit 1' });
  const result = await ask(plan, { path });
  expect(result.state).toBe('unknown');
  expect(result.text).toBe(
    'queue-worker: systemctl could not tell (exit 1): Failed to connect to bus: Host is down',
  );
});

test('silence with exit 0 is not a running unit', async () => {
  const result = await ask(plan, { path: binDir({ systemctl: 'exit 0' }) });
  expect(result).toMatchObject({
    state: 'unknown',
    text: 'queue-worker: systemctl could not tell (exit 0)',
  });
});

test('a pattern that matches several units is UNKNOWN', async () => {
  const path = systemctl('ActiveState=active\nSubState=running\n\nActiveState=failed\nSubState=failed');
  const result = await ask(planOf({ kind: 'systemd_unit', unit: 'worker@*' }), { path });
  expect(result).toMatchObject({ state: 'unknown', text: 'worker@* matches 2 units; a check names one' });
});

test('a hostile unit name stays one word', async () => {
  const path = binDir({ systemctl: 'printf "ActiveState=active\\nSubState=%s\\n" "$4"' });
  const unit = `x'; reboot #$(id)`;
  const result = await ask(planOf({ kind: 'systemd_unit', unit }), { path });
  expect(result.text).toBe(`${unit} active (${unit})`);
});

test('terminal escapes from a host do not reach the reader', async () => {
  const path = binDir({ systemctl: `printf 'a\\033[31m\\007\\033]0;x\\007b' >&2; exit 1` });
  const result = await ask(plan, { path });
  // oxlint-disable-next-line no-control-regex
  expect(result.text).toMatch(/^queue-worker: systemctl could not tell \(exit 1\): a[^\u0000-\u001f]*b$/);
});
