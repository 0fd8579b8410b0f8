/** Which findings show a person, and which do not: the rule for stopped units as a table, and the forms of who(1). */
import { describe, expect, test } from 'vitest';
import { readSigns } from '../../runner/human-signs.ts';
import { unitMessages } from '../../runner/people-script.ts';

const probe = { units: [], lockFiles: [], loginWithinMs: 600_000 };

function signsOf(
  word: string,
  rest: string,
  body: readonly string[],
  more: Partial<typeof probe> = {},
): string[] {
  const now = { word: 'now', rest: String(Date.UTC(2026, 10, 21, 5, 30) / 1000), body: [] };
  return readSigns([now, { word, rest, body }], { ...probe, ...more }, 1_000).map(
    ({ kind, text }) => `${kind}: ${text}`,
  );
}

/** Times in the order began, left active, process ended. */
function unit(state: string, times: [number, number, number?], more: Record<string, string> = {}): string[] {
  const [began, left, ended] = times;
  const properties = {
    Id: 'w.service',
    LoadState: 'loaded',
    ActiveState: state,
    UnitFileState: 'enabled',
    Result: state === 'failed' ? 'exit-code' : 'success',
    Job: '',
    RemainAfterExit: 'no',
    InactiveExitTimestampMonotonic: String(began),
    ActiveExitTimestampMonotonic: String(left),
    ...(ended === undefined ? {} : { ExecMainExitTimestampMonotonic: String(ended) }),
    ...more,
  };
  return Object.entries(properties).map(([name, value]) => `${name}=${value}`);
}

const stop = { MESSAGE_ID: unitMessages.stopped, JOB_TYPE: 'stop' };
const cases: [string, string[], string?][] = [
  ['active', unit('active', [1, 0, 0])],
  [
    'stopped: left active before its process ended',
    unit('inactive', [1, 5, 6]),
    'unit_stopped: w.service was stopped',
  ],
  ['ended by itself', unit('inactive', [1, 6, 5])],
  [
    'announced its own end (STOPPING=1), and the journal knows',
    unit('inactive', [1, 5, 6], { MESSAGE_ID: unitMessages.started }),
  ],
  ['the journal knows of a stop', unit('inactive', [1, 6, 5], stop), 'unit_stopped: w.service was stopped'],
  [
    'a restart that is stuck between stop and start',
    unit('inactive', [1, 5, 6], { ...stop, JOB_TYPE: 'restart' }),
  ],
  [
    'an old journal that does not name the job: times decide',
    unit('inactive', [1, 5, 6], { MESSAGE_ID: unitMessages.stopped }),
    'unit_stopped: w.service was stopped',
  ],
  ['failed', unit('failed', [1, 5, 6])],
  ['failed when it was stopped', unit('failed', [1, 5, 6], stop), 'unit_stopped: w.service was stopped'],
  [
    'failed at a start after a stop',
    unit('failed', [7, 5, 6], { MESSAGE_ID: unitMessages.failed, JOB_TYPE: 'start' }),
  ],
  ['its condition failed', unit('inactive', [1, 5, 6], { Result: 'exec-condition' })],
  ['begun again and ended before it was active', unit('inactive', [7, 5, 8])],
  ['never begun, enabled', unit('inactive', [0, 0, 0])],
  ['never begun, static', unit('inactive', [0, 0, 0], { UnitFileState: 'static' })],
  [
    'never begun, disabled',
    unit('inactive', [0, 0, 0], { UnitFileState: 'disabled' }),
    'unit_stopped: w.service is disabled and not running',
  ],
  [
    'forgotten and disabled, ended by itself',
    unit('inactive', [0, 0, 0], { UnitFileState: 'disabled', MESSAGE_ID: unitMessages.started }),
  ],
  ['no process: a mount or a timer', unit('inactive', [1, 5]), 'unit_stopped: w.service was stopped'],
  [
    'remains after exit',
    unit('inactive', [1, 5, 2], { RemainAfterExit: 'yes' }),
    'unit_stopped: w.service was stopped',
  ],
  ['not there', unit('inactive', [0, 0, 0], { LoadState: 'not-found', UnitFileState: '' })],
  ['masked', unit('inactive', [0, 0, 0], { LoadState: 'masked' }), 'unit_masked: w.service is masked'],
  [
    'masked while it runs',
    unit('active', [1, 0, 0], { UnitFileState: 'masked-runtime' }),
    'unit_masked: w.service is masked',
  ],
  ['a job', unit('activating', [1, 0, 0], { Job: '12' }), 'unit_job: systemd works on w.service (job 12)'],
  ['rubbish', ['=', 'ActiveState', '\u0000=inactive']],
];

test.each(cases)('unit: %s', (_, body, sign) => {
  expect(signsOf('unit', 'w', body)).toEqual(sign === undefined ? [] : [sign]);
});

const whoCases: [string, string, string?][] = [
  [
    'coreutils in C',
    'ann      pts/0        Nov 21 05:25 (192.0.2.1)',
    'ann on pts/0 from 192.0.2.1, 4m1s ago',
  ],
  [
    'coreutils elsewhere',
    'ann      pts/0        2026-11-21 05:25 (192.0.2.1)',
    'ann on pts/0 from 192.0.2.1, 4m1s ago',
  ],
  [
    'busybox',
    'ann             pts/0           00:03   Nov 21 05:25:59  192.0.2.1',
    'ann on pts/0 from 192.0.2.1, 4m1s ago',
  ],
  ['FreeBSD console', 'root             ttyv0        Nov 21 05:29', 'root on ttyv0, 1s ago'],
  ['this very minute', 'ann pts/0 Nov 21 05:30', 'ann on pts/0, 0s ago'],
  ['too long ago', 'ann pts/0 Nov 21 05:19'],
  ['last year, by its month', 'ann pts/0 Dec 31 23:59'],
  ['a header', 'USER TTY IDLE TIME HOST'],
  ['rubbish', '\u0000\u001b[2J'],
];

test.each(whoCases)('who: %s', (_, line, sign) => {
  expect(signsOf('who', '', [line])).toEqual(sign === undefined ? [] : [`login: ${sign}`]);
});

const session = (more: Record<string, string>): string[] =>
  Object.entries({
    Name: 'ann',
    TTY: 'pts/0',
    RemoteHost: '192.0.2.1',
    Class: 'user',
    State: 'active',
    TimestampMonotonic: '900000000',
    ...more,
  }).map(([name, value]) => `${name}=${value}`);

describe('logins', () => {
  test('sessions with a terminal count, those of programs do not', () => {
    const body = [
      ...session({}),
      '',
      ...session({ Name: 'mendd', TTY: '' }),
      '',
      ...session({ Class: 'greeter' }),
    ];
    const gone = [...session({ State: 'closing' }), '', ...session({ TimestampMonotonic: '1' })];
    expect(signsOf('sessions', '', [...body, '', ...gone])).toEqual([
      'login: ann on pts/0 from 192.0.2.1, 1m40s ago',
    ]);
  });

  test('a login of unknown age counts, and one that both tell is told once', () => {
    const findings = [
      { word: 'now', rest: 'x', body: [] },
      { word: 'sessions', rest: '', body: session({}) },
      { word: 'who', rest: '', body: ['ann pts/0 Nov 21 05:25 (192.0.2.1)', 'bob tty1 Nov 21 05:25'] },
    ];
    expect(readSigns(findings, probe, 1_000).map(({ text }) => text)).toEqual([
      'ann on pts/0 from 192.0.2.1, 1m40s ago',
      'bob on tty1',
    ]);
  });
});

test('a shutdown is told with its time, and without one all the same', () => {
  expect(signsOf('shutdown', '', ['USEC=1795242591832187', 'WARN_WALL=1', 'MODE=poweroff'])).toEqual([
    'shutdown_scheduled: poweroff at 2026-11-21 06:29 UTC',
  ]);
  expect(signsOf('shutdown', '', ['USEC=1e300'])).toEqual(['shutdown_scheduled: shutdown is scheduled']);
});

test('a flood of signs is cut', () => {
  const findings = Array.from({ length: 500 }, (_, index) => ({
    word: 'package',
    rest: `/f${index}`,
    body: ['apt'],
  }));
  expect(readSigns(findings, probe, 1)).toHaveLength(20);
});
