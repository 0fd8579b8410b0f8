import { expect, test } from 'vitest';
import { approvalMessage, noticeMessage, proposalMessage } from '../../actions/notice-message.ts';
import type { Approval } from '../../core/safety.ts';
import { ladder, minuteMs, nightMs, runOf, statusOf } from './story.ts';

const nowMs = nightMs + 46 * minuteMs + 12_000;
const story = { host: 'web-1', ladder, nowMs, status: statusOf() };
const approval: Approval = {
  id: 'web-1~queue-workers.reboot~x~1',
  host: 'web-1',
  ladder: ladder.id,
  action: 'queue-workers.reboot',
  episode: 'x',
  attempt: 1,
  check: 'queue-workers.running',
  command: 'drain, on the ops box: kubectl drain\nreboot, on the host: systemctl reboot',
  reason: 'running is critical, restart did not help',
  gates: [],
  createdAtMs: nowMs,
  expiresAtMs: nowMs + 30 * minuteMs,
  status: 'waiting',
  tag: 'abc123',
};

test('a question tells all that the answer needs', () => {
  const message = approvalMessage({
    ...story,
    approval,
    tried: [runOf('restart'), runOf('page', { kind: 'notify' })],
  });
  expect(message.subject).toBe('[mendd] web-1 queue-workers: may reboot run?');
  expect(message.text).toBe(`web-1 queue-workers: may reboot run?

running is CRITICAL since 02:14 UTC (46m12s)
  queue-worker failed, exit-code 1

reboot on web-1 would run:
  drain, on the ops box: kubectl drain
  reboot, on the host: systemctl reboot
Because: running is critical, restart did not help

Tried:
- 02:15 restart: did not help, the check was not OK within 30 s

It waits until 03:30 UTC (30m); without an answer it is not done.
Yes:  mendd approve 'web-1~queue-workers.reboot~x~1'
No:   mendd reject 'web-1~queue-workers.reboot~x~1'
API:  POST /api/v1/approvals/web-1~queue-workers.reboot~x~1/approve or /reject
Why: mendd explain web-1/queue-workers.running
`);
  expect(message).toMatchObject({
    version: 1,
    kind: 'approval',
    host: 'web-1',
    runbook: 'queue-workers',
    check: 'queue-workers.running',
    state: 'critical',
    approval: approval.id,
    action: 'queue-workers.reboot',
    command: approval.command,
    reason: approval.reason,
    expires: '2026-11-21T03:30:12.000Z',
    tag: 'abc123',
    tried: [{ action: 'queue-workers.restart' }],
  });
  expect(JSON.parse(JSON.stringify(message))).toEqual(message);
});

test('a question that is late already is still a message', () => {
  const message = approvalMessage({ ...story, approval: { ...approval, expiresAtMs: nowMs - 1 }, tried: [] });
  expect(message.text).toContain('(0s)');
  expect(message.text).toContain('Nothing was tried yet.');
});

test('a proposal says that nothing was done', () => {
  const wanted = {
    action: 'queue-workers.restart',
    command: 'systemctl restart queue-worker',
    reason: 'running is critical',
  };
  const message = proposalMessage({ ...story, ...wanted, tried: [] });
  expect(message.subject).toBe('[mendd] web-1 queue-workers: would run restart');
  expect(message.text).toContain(`Nothing was done: restart is in mode propose. On web-1 it would have run:
  systemctl restart queue-worker
Because: running is critical

Nothing was tried yet.

To run it yourself: mendd act web-1 queue-workers.restart
`);
  expect(message).toMatchObject({ kind: 'proposal', ...wanted, tried: [] });
});

test('a notice says what happened and what to do', () => {
  const message = noticeMessage({
    topic: 'brake.engaged',
    title: 'brake on for role=web',
    sentence: '4 of 10 hosts are unhealthy, 3 are allowed: nothing acts there.',
    todo: 'look at mendd brake; release it with mendd brake release role=web',
    nowMs,
  });
  expect(message).toEqual({
    version: 1,
    kind: 'notice',
    subject: '[mendd] brake on for role=web',
    text: `brake on for role=web

4 of 10 hosts are unhealthy, 3 are allowed: nothing acts there.

What to do: look at mendd brake; release it with mendd brake release role=web
`,
    at: '2026-11-21T03:00:12.000Z',
    topic: 'brake.engaged',
    title: 'brake on for role=web',
    sentence: '4 of 10 hosts are unhealthy, 3 are allowed: nothing acts there.',
    todo: 'look at mendd brake; release it with mendd brake release role=web',
  });
});

test('a notice about one host and action names them, and may ask for nothing', () => {
  const about = { host: 'web-1', action: 'queue-workers.restart' };
  const message = noticeMessage({
    topic: 'doubt.ended',
    title: 'over',
    sentence: 'It is over.',
    nowMs,
    ...about,
  });
  expect(message).toMatchObject({ ...about, subject: '[mendd] web-1: over' });
  expect(message.text).toContain('Nothing is needed of you.');
  expect(message).not.toHaveProperty('todo');
});

const evil = 'x\r\nBcc: all@example.com\u001b[2J\u0007';

test('no text of a host or a person can forge a header, a line of ours or terminal commands', () => {
  const bad = { ...approval, command: `${evil}\nYes:  mendd approve other`, reason: evil };
  const messages = [
    approvalMessage({ ...story, approval: bad, tried: [] }),
    proposalMessage({ ...story, action: 'r.a', command: evil, reason: evil, tried: [] }),
    noticeMessage({ topic: 't', title: evil, sentence: evil, todo: evil, nowMs }),
  ];
  for (const message of messages) {
    expect(message.subject).toMatch(/^[^\r\n]{1,77}$/);
    expect(JSON.stringify(message)).not.toMatch(/\\u001b|\\u0007|\\r/);
    expect(message.text).not.toMatch(/^Bcc:/m);
  }
  expect(messages[0]?.text.match(/^Yes:/gm)).toHaveLength(1);
});

test('long commands and sentences are cut', () => {
  const long = 'y'.repeat(60_000);
  const message = approvalMessage({
    ...story,
    approval: { ...approval, command: long, reason: long },
    tried: [],
  });
  expect(String(message['command'])).toHaveLength(2000);
  expect(message.text.length).toBeLessThan(5000);
});
