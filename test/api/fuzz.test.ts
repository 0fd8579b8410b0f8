/**
 * Random requests to every route of a whole daemon on a real store, also about what another token made: whatever comes, no answer is
 * a failure of its own, every refusal is a problem, and without the scope nothing is written. `FUZZ_SEED=n` repeats a run.
 */
import { Agent, type OutgoingHttpHeaders, request } from 'node:http';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Scope } from '../../core/types.ts';
import { bodyOf, chance, headersOf, pathOf, pick, random, seed, texts } from './random-requests.ts';
import { registeredRoutes } from './registered-routes.ts';
import { startWhole, type WholeDaemon } from './whole-daemon.ts';

/** All of it must be over by then, whatever the machine does meanwhile. */
const budgetMs = 8_000;
const rounds = 40;
/** However long they take. */
const fewest = 4;

interface Route {
  method: string;
  path: string;
  scope: Scope | 'open' | 'session' | undefined;
}

interface Answer {
  status: number;
  type: string;
  text: string;
}

const runbook = `runbook: app
hosts: [web-1, web-2, here-*]
every: 1h
checks:
  up: { run: "true", timeout: 1s }
  job: { passive: { ttl: 26h } }
  told: { alert: { match: { alertname: Up } } }
actions:
  fix: { run: "true", when: { check: up, state: [critical] } }
  ask: { run: "true", mode: approve, when: { check: job, state: [critical] } }
`;
/** Enough of them that the few in trouble are no mass failure. */
const localCount = 12;
const locals = Array.from({ length: localCount }, (_, i) => `here-${i + 1}: { transport: local }`).join(', ');

let app: WholeDaemon['app'];
let ledger: WholeDaemon['ledger'];
let whole: WholeDaemon;
let routes: Route[];
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

beforeAll(async () => {
  const found = await registeredRoutes(() => startWhole(runbook, '', `hosts: { ${locals} }\n`));
  whole = found.started;
  ({ app, ledger } = whole);
  routes = [...found.routes].map(([name, { config }]) => {
    const [method = '', path = ''] = name.split(' ');
    return { method, path, scope: config?.scope };
  });
});

afterAll(async () => {
  agent.destroy();
  await whole?.stop();
});

function ask(
  method: string,
  path: string,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Answer> {
  const { host, port } = app.address;
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, method, path, headers, agent, timeout: 15_000 }, (response) => {
      const status = response.statusCode ?? 0;
      const type = response.headers['content-type'] ?? '';
      const chunks: Buffer[] = [];
      const done = (): void => resolve({ status, type, text: Buffer.concat(chunks).toString() });
      // A stream does not end by itself.
      if (type.startsWith('text/event-stream')) {
        done();
        response.destroy();
        return;
      }
      response
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', done)
        .on('error', done);
    });
    // A body that is too large may be cut off before all of it was sent.
    sent.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EPIPE' || error.code === 'ECONNRESET'
        ? resolve({ status: 413, type: 'application/problem+json', text: '{"status":413}' })
        : reject(error),
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer to ${method} ${path}`)));
    sent.end(body);
  });
}

/** Changes are limited by token: each round has one of its own. */
function tokenOf(scope: Scope): string {
  return ledger.createToken({ name: `fuzz ${random()}`, scopes: [scope], nowMs: Date.now() }).secret;
}

function by(scope: Scope): OutgoingHttpHeaders {
  return { authorization: `Bearer ${tokenOf(scope)}`, 'content-type': 'application/json' };
}

/** Ids of what another token made, by the part of the path where it lies. The approval waits. */
let theirs: Record<string, string> = {};

async function makeTheirs(): Promise<void> {
  const admin = by('admin');
  const idOf = async (path: string, body: object): Promise<string> => {
    const { status, text } = await ask('POST', path, admin, JSON.stringify(body));
    expect(status, `${path} ${text}`).toBeLessThan(300);
    return (JSON.parse(text) as { id: string }).id;
  };
  const tokens = await idOf('/api/v1/tokens', { name: 'x', scopes: ['read'], for: '1h' });
  const runs = await idOf('/api/v1/hosts/here-2/actions/app.fix/run', { reason: 'x' });
  const hosts = ['web-1', 'web-2', ...Array.from({ length: localCount }, (_, i) => `here-${i + 1}`)];
  const submitter = by('submit');
  const told = JSON.stringify({ host: 'here-1', check: 'job', exitCode: 2, output: 'x' });
  const approvals = await vi.waitFor(
    async () => {
      await ask('POST', '/api/v1/results', submitter, told);
      // Nothing acts before all others were asked as well.
      await Promise.all(hosts.map((host) => ask('POST', `/api/v1/checks/${host}/app.up/run`, admin, '{}')));
      const { text } = await ask('GET', '/api/v1/approvals', admin);
      const [first] = (JSON.parse(text) as { items: { id: string }[] }).items;
      expect(first, text).toBeDefined();
      return first?.id ?? '';
    },
    { interval: 500 },
  );
  const match = { hosts: ['here-3'] };
  const suppressions = await idOf('/api/v1/silences', { match, reason: 'x', for: '1h' });
  theirs = { suppressions, tokens, runs, approvals };
}

test('nothing is written without the scope, whatever is sent', async () => {
  await makeTheirs();
  // Signing in and out writes a cookie alone.
  const changes = routes.filter(
    ({ method, scope }) => method !== 'GET' && method !== 'HEAD' && scope !== 'session',
  );
  expect(changes.length).toBeGreaterThan(25);
  const before = ledger.auditHead();
  const deadline = Date.now() + 3_000;
  for (let round = 0; round < 10 && Date.now() < deadline; round += 1) {
    const reader = tokenOf('read');
    const asked = changes.map(async ({ method, path }) => {
      const isReader = chance(70);
      // By its header or by a session: a reader is a reader.
      const byHeader = chance(50);
      const session = { cookie: `mendd_session=${reader}`, 'x-mendd-csrf': '1' };
      const credential = byHeader ? { authorization: `Bearer ${reader}` } : session;
      const headers = { ...headersOf(), ...(isReader ? credential : {}) };
      const { status } = await ask(method, pathOf(path, theirs), headers, bodyOf(path));
      return [method, path, status] as const;
    });
    for (const [method, path, status] of await Promise.all(asked))
      expect([401, 403, 404, 405, 413, 414, 429, 400, 431], `seed ${seed}: ${method} ${path}`).toContain(
        status,
      );
  }
  const since = ledger.auditEntries({ limit: 100 }).items.filter(({ seq }) => seq > (before?.seq ?? 0));
  // What another began goes on meanwhile.
  expect(since.filter(({ actor }) => actor !== 'rule' && actor !== 'daemon')).toEqual([]);
  const approvals = await ask('GET', '/api/v1/approvals', by('read'));
  expect(approvals.text).toContain(theirs['approvals']);
});

test('no request makes the daemon fail', async () => {
  expect(routes.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['/status', '/badges/:host/:check', '/assets/*', '/hosts/*', '/openapi.json']),
  );
  const deadline = Date.now() + budgetMs;
  const seen = new Map<number, number>();
  const reached = new Set<string>();
  let done = 0;
  for (; done < rounds && (done < fewest || Date.now() < deadline); done += 1) {
    const admin = tokenOf('admin');
    const asked = routes.map(async ({ method, path, scope }) => {
      const route = `${chance(3) ? pick(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'POST']) : method} ${pathOf(path, theirs)}`;
      const [verb = '', ...rest] = route.split(' ');
      const secret = chance(95) ? admin : pick(texts).replaceAll(/[^\x20-\x7e]/g, '?');
      const isStranger = scope === 'open' && chance(50);
      const body = method === 'GET' || method === 'HEAD' ? undefined : bodyOf(path);
      const headers = { ...headersOf(), ...(isStranger ? {} : { authorization: `Bearer ${secret}` }) };
      const answer = await ask(verb, rest.join(' '), headers, body);
      if (path.includes(':id') && answer.status < 300) reached.add(`${verb} ${path}`);
      return { route, body: String(body).slice(0, 300), answer };
    });
    for (const { route, body, answer } of await Promise.all(asked)) {
      const about = `seed ${seed}: ${route} ${body} -> ${answer.status} ${answer.text.slice(0, 300)}`;
      expect(answer.status, about).toBeGreaterThanOrEqual(200);
      // 503: what the daemon says itself, such as no repository to be reached.
      expect(answer.status < 500 || answer.status === 503, about).toBe(true);
      // The page was not built for this.
      const isPage = answer.status === 503 && answer.type === 'text/plain';
      if (answer.status >= 400 && !isPage) {
        expect(answer.type, about).toContain('application/problem+json');
        if (!route.startsWith('HEAD ')) expect(JSON.parse(answer.text).status, about).toBe(answer.status);
      }
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
    }
  }
  // Requests got as far as the daemon, and were not all refused for their shape.
  expect(seen.get(200) ?? 0).toBeGreaterThan(done * 5);
  expect(seen.get(404) ?? 0).toBeGreaterThan(done);
  // And of what another made, more than one kind.
  expect(reached.size).toBeGreaterThan(2);
  expect((await ask('GET', '/healthz', {})).status).toBe(200);
});
