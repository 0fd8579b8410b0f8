/** Routes, groups and words from files to a real receiver: two hosts fail, one signed request tells of both, one tells the end. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { type HttpServerFixture, startHttpServer } from '../support/http-server.ts';
import { RealDaemon } from '../support/real-daemon.ts';

let daemon: RealDaemon | undefined;
let receiver: HttpServerFixture | undefined;

afterEach(async () => {
  await daemon?.remove();
  await receiver?.close();
  daemon = undefined;
});

function runbook(up: string): string {
  return `runbook: workers
hosts: ["web-*"]
every: 1s
checks:
  running: { run: "test -e ${up}", max_attempts: 1, timeout: 10s }
actions:
  restart: { when: { check: running, state: [critical, warning] }, run: "true", enabled: false }
`;
}

const messages = (url: string): string => `remediation: { mode: auto, brake: false }
api: { listen: "127.0.0.1:0", public_url: "https://ops.example" }
notify: { oncall: { webhook: ${url} } }
messages:
  routes:
    - name: all
      match: { hosts: ["web-*"], runbooks: [workers] }
      to: [oncall]
      group: { by: [], wait: 8s, interval: 1s }
      subject: "{{ kind }} {{ count }} {{ problems[0].host }}"
`;

test('two hosts fail together: one message, one recovery, both with a link', async () => {
  receiver = await startHttpServer((_, response) => response.end());
  const { url, seen } = receiver;
  daemon = await RealDaemon.prepare('', { hosts: 2 });
  const d = daemon;
  const up = join(d.directory, 'up');
  writeFileSync(up, '');
  d.write('runbooks/worker.yaml', runbook(up));
  const kept = readFileSync(d.configFile, 'utf8').replaceAll(/^(api|remediation): .*\n/gm, '');
  d.write('mendd.yaml', kept + messages(url));
  await d.start();
  await vi.waitFor(() =>
    expect(d.app.daemon.checks().every(({ status }) => status.state === 'ok')).toBe(true),
  );
  rmSync(up);
  await vi.waitFor(() => expect(seen).toHaveLength(1));
  const told = JSON.parse(seen[0]?.body ?? '') as Record<string, unknown>;
  expect(told).toMatchObject({ kind: 'problem', say: 'problem', url: 'https://ops.example/' });
  // In the order in which they were found, which is nobody's choice.
  const problems = told['problems'] as { host: string; url: string }[];
  const [first] = problems;
  expect(problems.map(({ host }) => host).toSorted()).toEqual(['web-1', 'web-2']);
  expect(told['subject']).toBe(`problem 2 ${first?.host}`);
  expect(first?.url).toBe(`https://ops.example/incidents/${first?.host}/workers.running`);
  expect(d.app.daemon.notify.route('web-1', 'workers.running')).toMatchObject({
    ladders: [{ targets: [{ target: 'oncall', route: 'all', waitMs: 8_000 }], told: [{ target: 'oncall' }] }],
  });
  writeFileSync(up, '');
  await vi.waitFor(() => expect(seen).toHaveLength(2));
  expect(JSON.parse(seen[1]?.body ?? '')).toMatchObject({
    kind: 'recovery',
    subject: expect.stringMatching(/^recovery 2 web-[12]$/) as string,
  });
  // The receiver knows before its answer is back.
  const statuses = () => d.app.daemon.notify.messages({ limit: 10 }).items.map(({ status }) => status);
  await vi.waitFor(() => expect(statuses()).toEqual(['sent', 'sent']));
  expect(d.app.daemon.now().messages).toEqual({ waiting: 0, dead: 0 });
});
