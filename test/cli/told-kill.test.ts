/** `mendd serve` is killed again and again while a check without an action breaks and mends: each is told once, by its key. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { startHttpServer } from '../support/http-server.ts';
import { assertBuilt, type Served, serve } from '../support/mendd.ts';
import { temporaryTree, writeInto } from '../support/temporary-tree.ts';

beforeAll(assertBuilt);

/** Two kills each. */
const rounds = Number(process.env['ROUNDS'] ?? 1);
const waits = { interval: 20 };

async function kill(served: Served): Promise<void> {
  const ended = new Promise((resolve) => served.child.once('close', resolve));
  served.child.kill('SIGKILL');
  await ended;
}

test('a problem that no action watches is told once and its end once, whenever the daemon is killed', async () => {
  // Slow enough to be killed in the middle of it.
  const receiver = await startHttpServer((_, response) => setTimeout(() => response.end(), 40));
  onTestFinished(() => receiver.close());
  const root = temporaryTree({
    up: '',
    ran: '',
    'hosts/ops.yaml': 'hosts: { ops: { transport: local } }\n',
    'mendd.yaml': `definitions: { path: . }
store: { path: ./mendd.db }
api: { listen: "127.0.0.1:0" }
remediation: { mode: auto }
notify: { oncall: { webhook: "${receiver.url}" } }
messages: { routes: [{ name: all, to: [oncall] }] }
`,
  });
  const up = join(root, 'up');
  const ran = join(root, 'ran');
  const check = `{ run: "echo >> ${ran}; test -e ${up} || exit 2", timeout: 5s, max_attempts: 1, flapping: false }`;
  /** The check ran so many times more; noticed after as many milliseconds at the most. */
  const afterRuns = async (more: number, interval: number): Promise<void> => {
    const from = readFileSync(ran).length;
    const enough = (): void => expect(readFileSync(ran).length).toBeGreaterThanOrEqual(from + more);
    await vi.waitFor(enough, { ...waits, interval });
  };
  writeInto(root, 'runbooks/app.yaml', `runbook: app\nhosts: [ops]\nevery: 1s\nchecks: { up: ${check} }\n`);
  /** By key: what was on its way at a kill is delivered again. */
  const told = (): string[] => [
    ...new Map(
      receiver.seen.map(({ headers, body }) => [
        String(headers['idempotency-key']),
        (JSON.parse(body) as { kind: string }).kind,
      ]),
    ).values(),
  ];
  const file = join(root, 'mendd.yaml');
  let served = await serve(file);
  const expected: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of ['problem', 'recovery'] as const) {
      if (kind === 'problem') rmSync(up);
      else writeFileSync(up, '');
      expected.push(kind);
      // Before it is known, while it is told, or after: each round another moment.
      await afterRuns(Math.floor(Math.random() * 3), 1 + Math.random() * 400);
      await kill(served);
      served = await serve(file);
      await vi.waitFor(() => expect(told()).toEqual(expected), waits);
    }
  }
  await afterRuns(2, 20);
  expect(told()).toEqual(expected);
});
