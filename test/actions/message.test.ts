import { expect, test } from 'vitest';
import { problemMessage, recoveryMessage } from '../../actions/message.ts';
import { actionOf, ladder, minuteMs, nightMs, outboxMessage, runOf, statusOf } from './story.ts';

const nowMs = nightMs + 46 * minuteMs + 12_000;
const restart = runOf('restart');
const reboot = runOf('reboot', { decidedAtMs: nightMs + 7 * minuteMs });
const story = { host: 'web-1', ladder, nowMs, status: statusOf() };

test('a problem that is given up tells what was tried and that nothing more happens', () => {
  const message = problemMessage({ ...story, tried: [restart, reboot] });
  expect(message.subject).toBe('[mendd] web-1 queue-workers: gave up after restart, reboot');
  expect(message.text).toBe(`web-1 queue-workers: gave up after restart, reboot

running is CRITICAL since 02:14 UTC (46m12s)
  queue-worker failed, exit-code 1

Tried:
- 02:15 restart: did not help, the check was not OK within 30 s
- 02:21 reboot: did not help, the check was not OK within 30 s

Next: nothing more happens by itself until it recovers. It needs you.
Why: mendd explain web-1/queue-workers.running
`);
  expect(message).toMatchObject({
    version: 1,
    kind: 'problem',
    host: 'web-1',
    runbook: 'queue-workers',
    ladder: 'queue-workers.restart',
    check: 'queue-workers.running',
    state: 'critical',
    output: 'queue-worker failed, exit-code 1',
    since: '2026-11-21T02:14:00.000Z',
    at: '2026-11-21T03:00:12.000Z',
    gaveUp: true,
    untried: [],
    tried: [
      { run: restart.id, action: 'queue-workers.restart', status: 'not_verified', exitCode: 0 },
      { action: 'queue-workers.reboot', kind: 'reboot', decided: '2026-11-21T02:21:00.000Z' },
    ],
  });
  expect(JSON.parse(JSON.stringify(message))).toEqual(message);
});

test('with a repair left, it says which', () => {
  const message = problemMessage({ ...story, tried: [restart, { ...restart, id: 'again' }] });
  expect(message.subject).toBe('[mendd] web-1 queue-workers: running is critical after restart x2');
  expect(message.text).toContain('Next: reboot, once nothing holds it back.');
  expect(message).toMatchObject({ gaveUp: false, untried: ['reboot'] });
});

test('a disabled repair is not promised', () => {
  const rungs = ladder.rungs.map((rung) => (rung.name === 'reboot' ? { ...rung, enabled: false } : rung));
  const message = problemMessage({ ...story, ladder: { ...ladder, rungs }, tried: [restart] });
  expect(message['gaveUp']).toBe(true);
});

test('nothing tried yet, and nothing to try', () => {
  const first = problemMessage({ ...story, tried: [] });
  expect(first.subject).toBe('[mendd] web-1 queue-workers: running is critical');
  expect(first.text).toContain('Nothing was tried yet.');
  expect(first.text).toContain('Next: restart, reboot, once nothing holds it back.');
  const onlyPage = { ...ladder, rungs: [actionOf('page', { kind: 'notify', to: 'oncall' })] };
  const second = problemMessage({ ...story, ladder: onlyPage, tried: [] });
  expect(second.text).toContain('Next: there is no repair to try. It needs you.');
});

test('what was never sent is told and does not count as tried', () => {
  const message = problemMessage({
    ...story,
    tried: [runOf('restart', { status: 'cancelled', outcome: 'automation was paused meanwhile' })],
  });
  expect(message.subject).toBe('[mendd] web-1 queue-workers: running is critical');
  expect(message.text).toContain('- 02:15 restart: not sent, automation was paused meanwhile');
});

test('the message itself is not among what was tried', () => {
  const message = problemMessage({ ...story, tried: [restart, runOf('page', { kind: 'notify' })] });
  expect(message.text).not.toContain('page');
});

test('hostile output cannot forge headers, lines of mail or terminal commands', () => {
  const evil = 'ok\r\nBcc: all@example.com\u001b[2J\u0007';
  const status = statusOf();
  const message = problemMessage({
    ...story,
    host: `web-1\r\nBcc: x@example.com ${'y'.repeat(200)}`,
    status: { ...status, ...(status.lastResult && { lastResult: { ...status.lastResult, text: evil } }) },
    tried: [runOf('restart', { outcome: evil })],
  });
  expect(message.subject).toMatch(/^[^\r\n]+\.\.\.$/);
  expect(message.subject.length).toBeLessThan(78);
  expect(message['output']).toBe('ok\nBcc: all@example.com');
  expect(message.text).not.toContain('\u001b');
});

test('long output is cut', () => {
  const status = statusOf();
  const lastResult = { ...status.lastResult, text: 'x'.repeat(60_000) } as NonNullable<
    typeof status.lastResult
  >;
  const message = problemMessage({ ...story, status: { ...status, lastResult }, tried: [] });
  expect(String(message['output'])).toHaveLength(500);
});

test('a problem of yesterday carries its date', () => {
  const message = problemMessage({ ...story, nowMs: nightMs + 30 * 60 * minuteMs, tried: [] });
  expect(message.text).toContain('since 2026-11-21 02:14 UTC (1d6h)');
});

test('nothing is known of the check: still a message', () => {
  const { status: _gone, ...rest } = story;
  const message = problemMessage({ ...rest, tried: [] });
  expect(message.subject).toBe('[mendd] web-1 queue-workers: running is unknown');
  expect(message.text).not.toContain('undefined');
});

test('a recovery tells since when, and how long it was', () => {
  const problem = problemMessage({ ...story, tried: [restart] });
  const status = statusOf({ state: 'ok', sinceMs: nightMs + 50 * minuteMs });
  const told = outboxMessage({ key: 'k1', body: problem });
  const message = recoveryMessage({ ...story, nowMs: nightMs + 51 * minuteMs, status, problem: told });
  expect(message.subject).toBe('[mendd] web-1 queue-workers: recovered');
  expect(message.text).toContain('running is OK since 03:04 UTC, after 50m\n');
  expect(message).toMatchObject({
    kind: 'recovery',
    state: 'ok',
    problem: 'k1',
    since: '2026-11-21T02:14:00.000Z',
    recovered: '2026-11-21T03:04:00.000Z',
  });
});

test('a recovery of a message without times is still a message', () => {
  const message = recoveryMessage({
    host: 'web-1',
    ladder,
    nowMs,
    problem: { key: 'k', body: { since: 7 } },
  });
  expect(message.text).toBe('web-1 queue-workers: recovered\n\nrunning is OK since 03:00 UTC\n');
});

test('who let it run and how much evidence there is are told', () => {
  const approved = runOf('reboot', {
    status: 'verified',
    outcome: 'it is OK again',
    approvedBy: 'person:anna\r\nBcc: x',
    evidence: 'é'.repeat(1600),
  });
  const message = problemMessage({ ...story, tried: [runOf('restart', { evidence: 'abc' }), approved] });
  expect(message.text).toContain('30 s, 3 bytes of evidence\n');
  expect(message.text).toContain('helped, it is OK again, approved by anna Bcc: x, 3.2 kB of evidence\n');
  expect(message['tried']).toMatchObject([
    { evidenceBytes: 3 },
    { approvedBy: 'person:anna\r\nBcc: x', evidenceBytes: 3200 },
  ]);
  expect(JSON.stringify(message)).not.toContain('ééé');
});
