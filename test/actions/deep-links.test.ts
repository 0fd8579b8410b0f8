import { expect, test } from 'vitest';
import { alertmanagerBody } from '../../actions/alertmanager.ts';
import { incidentUrl, withLinks } from '../../actions/deep-links.ts';
import { incidentOf } from '../../actions/incident.ts';
import { approvalMessage, noticeMessage } from '../../actions/notice-message.ts';
import { ntfyMessage } from '../../actions/ntfy.ts';
import { slackMessage } from '../../actions/slack.ts';
import type { Approval } from '../../core/safety.ts';
import { ladder, nightMs, outboxMessage, problemAndRecovery, secretOf, statusOf } from './story.ts';

const base = 'https://ops.example/mendd';
const incident = `${base}/incidents/web-1/queue-workers.running`;

test('a problem and its recovery lead to the incident, what was tried to its run', () => {
  const { problem, recovery } = problemAndRecovery();
  for (const message of [problem, recovery]) {
    const body = withLinks(message.body as never, base);
    expect(body).toMatchObject({ url: incident, page: `${base}/` });
    expect(body.text).toContain(`\n\nLook: ${incident}\n`);
  }
  expect(withLinks(problem.body as never, base)['tried']).toMatchObject([
    { url: `${base}/runs/web-1~queue-workers.restart~x~1` },
  ]);
});

test('a question leads to the approvals, what concerns mendd as a whole to the page', () => {
  const approval: Approval = {
    id: 'web-1~queue-workers.reboot~x~1',
    host: 'web-1',
    ladder: ladder.id,
    action: 'queue-workers.reboot',
    episode: 'x',
    attempt: 1,
    check: ladder.trigger.check,
    command: 'reboot',
    reason: 'it is critical',
    gates: [],
    createdAtMs: nightMs,
    expiresAtMs: nightMs + 1,
    status: 'waiting',
    tag: 't',
  };
  const asked = approvalMessage({
    host: 'web-1',
    ladder,
    nowMs: nightMs,
    status: statusOf(),
    tried: [],
    approval,
  });
  expect(withLinks(asked, base)['url']).toBe(`${base}/approvals`);
  const notice = noticeMessage({
    topic: 'brake.engaged',
    title: 'brake',
    sentence: 'It is on.',
    nowMs: nightMs,
  });
  expect(withLinks(notice, base)['url']).toBe(`${base}/`);
});

test('without an address there is no link; names cannot lead elsewhere', () => {
  const { problem } = problemAndRecovery();
  expect(withLinks(problem.body as never, undefined)).toBe(problem.body);
  expect(incidentUrl(undefined, 'web-1', 'a.b')).toBeUndefined();
  expect(incidentUrl(base, '../../x?y#z', 'a|b>')).toBe(`${base}/incidents/..%2F..%2Fx%3Fy%23z/a%7Cb%3E`);
});

test('each kind of receiver gets it in its own place', () => {
  const { problem } = problemAndRecovery();
  const told = incidentOf(outboxMessage({ body: withLinks(problem.body as never, base) }));
  const ntfy = {
    kind: 'ntfy',
    name: 'n',
    url: secretOf('https://x'),
    topic: 't',
    priority: { critical: 5, error: 4, warning: 3, info: 2 },
  } as const;
  expect(JSON.parse(ntfyMessage(ntfy, told).body)).toMatchObject({ click: incident });
  const slack = JSON.parse(
    slackMessage({ kind: 'slack', name: 's', url: secretOf('https://x') }, told).body,
  ) as {
    blocks: unknown[];
  };
  expect(slack.blocks.at(-1)).toEqual({
    type: 'section',
    text: { type: 'mrkdwn', text: `<${incident}|Look>` },
  });
  expect(alertmanagerBody(told, 'r')).toMatchObject({
    externalURL: `${base}/`,
    alerts: [{ generatorURL: incident }],
  });
});
