/** What a daemon file comes to: each value with its place, defaults with their word, and no secret. */
import { expect, test } from 'vitest';
import { type DaemonValue, daemonValues } from '../../config/daemon-values.ts';
import { ProblemList } from '../../config/problems.ts';
import { readDaemonAlone } from '../../config/read.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

function valuesOf(text: string): Map<string, DaemonValue> {
  const root = temporaryTree({ 'mendd.yaml': text });
  const problems = new ProblemList();
  const read = readDaemonAlone(`${root}/mendd.yaml`, problems);
  expect(problems.problems).toEqual([]);
  if (read === undefined) throw new Error('nothing was read');
  const values = daemonValues(read).map((each) => ({ ...each, from: each.from.replace(`${root}/`, '') }));
  return new Map(values.map((each) => [each.key, each]));
}

test('each value stands with its place or as a default, as people write it', () => {
  const values = valuesOf(`x-usual: &usual { user: ops }
store: { path: ./here.db }
ssh:
  <<: *usual
  agent: true
remediation:
  mode: auto
`);
  expect(values.get('store.path')).toEqual({
    key: 'store.path',
    value: './here.db',
    from: 'mendd.yaml:2:16',
  });
  expect(values.get('store.keep.results')).toEqual({
    key: 'store.keep.results',
    value: '7d',
    from: 'default',
  });
  expect(values.get('ssh.user')).toEqual({ key: 'ssh.user', value: 'ops', from: 'mendd.yaml:1:25' });
  expect(values.get('ssh.agent')).toMatchObject({ value: true, from: 'mendd.yaml:5:10' });
  expect(values.get('ssh.certificates')).toMatchObject({ value: [], from: 'default' });
  expect(values.get('messages.routes')).toMatchObject({ value: [], from: 'default' });
  expect(values.get('remediation.brake.unhealthy_above')).toMatchObject({ value: '30%', from: 'default' });
  expect(values.get('api.listen')).toMatchObject({ value: '127.0.0.1:8420', from: 'default' });
  expect(values.get('remediation.mode')).toMatchObject({ value: 'auto', from: 'mendd.yaml:7:9' });
  // What is not written and has no default is not there.
  for (const key of ['api.tls', 'api.tls.key', 'ssh.identity', 'heartbeat.url', '$schema', 'x-usual.user'])
    expect([key, values.has(key)]).toEqual([key, false]);
});

test('maps of any names, lists of maps, and a section that is only begun', () => {
  const values = valuesOf(`notify:
  chat: { slack: { url: "\${env:SLACK}" } }
  push: { ntfy: { topic: ops } }
messages:
  routes:
    - { name: all, to: [chat], match: { labels: { role: db } } }
api: { status_page: {} }
`);
  expect(values.get('messages.routes[0].to')).toMatchObject({ value: ['chat'], from: 'mendd.yaml:6:24' });
  expect(values.get('messages.routes[0].match.labels.role')).toMatchObject({ value: 'db' });
  expect(values.get('messages.routes[0].continue')).toMatchObject({ value: false, from: 'default' });
  expect(values.get('notify.push.ntfy.url')).toMatchObject({ value: 'https://ntfy.sh', from: 'default' });
  expect(values.get('notify.push.ntfy.priority.critical')).toMatchObject({ value: 5, from: 'default' });
  expect(values.get('api.status_page.title')).toMatchObject({ value: 'Status', from: 'default' });
});

test('no secret is shown, whatever its form', () => {
  const values = valuesOf(`ssh: { identity: "\${file:./id}", passphrase: hunter2 }
heartbeat: { url: "https://hc.example/hunter2" }
notify:
  chat: { webhook: "https://u:hunter2@chat.example/\${env:ROOM}?k=hunter2" }
  more: { webhook: { url: "https://x.example/hunter2", secret: "\${cred:sign}" } }
  page: { pagerduty: { routing_key: "\${env:PD}" } }
`);
  expect([...values.values()].filter((each) => JSON.stringify(each).includes('hunter2'))).toEqual([]);
  const shown = (key: string): unknown => values.get(key)?.value;
  expect(shown('ssh.identity')).toBe('${file:./id}');
  expect(shown('ssh.passphrase')).toBe('<secret>');
  expect(shown('heartbeat.url')).toBe('<secret>');
  expect(shown('notify.chat.webhook')).toBe('…${env:ROOM}…');
  expect(shown('notify.more.webhook.url')).toBe('<secret>');
  expect(shown('notify.more.webhook.secret')).toBe('${cred:sign}');
  expect(shown('notify.page.pagerduty.routing_key')).toBe('${env:PD}');
});
