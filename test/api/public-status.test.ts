/** The public status page and badges: nothing where they are off, and to strangers nothing but how groups are. */
import { expect, test } from 'vitest';
import type { StatusPageConfig } from '../../core/daemon-config.ts';
import type { Transition } from '../../core/types.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { checkView, hostView, startMs } from '../support/fake-views.ts';
import { startApi } from './api-server.ts';

const hour = 3_600_000;
/** As a stranger behind a proxy. */
const stranger = { 'x-forwarded-for': '203.0.113.9' };

function changed(host: string, to: string, atMs: number, more: Partial<Transition> = {}): Transition {
  return {
    id: Math.round(atMs),
    atMs,
    host,
    check: 'app.running',
    from: 'ok',
    to,
    type: 'hard',
    attempt: 3,
    text: 's3cret output',
    flapping: false,
    percent: 0,
    percentWithoutActions: 0,
    afterAction: false,
    ...more,
  };
}

function labels(role: string) {
  return { labels: { role, env: 'prod' } };
}

async function start(more: Partial<StatusPageConfig> = {}) {
  const daemon = new FakeDaemon();
  daemon.statusPage = { title: 'Example & Sons', labels: {}, names: false, ...more };
  daemon.hostList = [
    hostView('web-1', labels('<web>')),
    hostView('web-2', labels('<web>')),
    hostView('db-1', labels('db')),
    hostView('lab-1', { labels: { role: 'lab', env: 'test' } }),
  ];
  daemon.checkList = [
    checkView('web-1', 'app.running', 'critical', 's3cret output'),
    checkView('web-2', 'app.running', 'ok', 's3cret output'),
    checkView('db-1', 'app.running', 'ok', 's3cret output'),
    checkView('lab-1', 'app.running', 'critical', 's3cret output'),
  ];
  const api = await startApi(daemon);
  const page = async (path = '/status'): Promise<string> => {
    daemon.clock.advance(10_001);
    const { status, text } = await api.get(path, stranger);
    expect(status).toBe(200);
    return text;
  };
  return { ...api, page };
}

test.each(['/status', '/badges/all.svg', '/badges/web-1.svg', '/badges/web-1/app.running.svg'])(
  '%s is not there when it is off',
  async (path) => {
    const { daemon, get } = await start();
    daemon.statusPage = undefined;
    const { status, json } = await get(path, stranger);
    expect([status, json.code]).toEqual([404, 'route_unknown']);
  },
);

test('groups are told by label with their state, and nothing else of what is watched', async () => {
  const { daemon, page, get } = await start({ groupBy: 'role', labels: { env: 'prod' } });
  const text = await page();
  expect(text).toContain('Example &amp; Sons');
  expect(text).toContain('Something is degraded');
  expect(text).toMatch(/▲ Degraded<\/span> <b>&lt;web&gt;</);
  expect(text).toMatch(/● Up<\/span> <b>db</);
  for (const word of ['s3cret', 'web-1', 'db-1', 'lab', '10.0.', 'app.running', '<script', 'mendd'])
    expect([word, text.includes(word)]).toEqual([word, false]);
  // Soft and stale: what may pass is not told, what is not known is said to be so.
  daemon.checkList[0] = checkView('web-1', 'app.running', 'critical');
  daemon.checkList[0].status.type = 'soft';
  expect(await page()).toContain('Everything is up');
  daemon.checkList[2] = { ...checkView('db-1', 'app.running', 'ok'), stale: true };
  expect(await page()).toContain('It is not known how things are');
  daemon.hostList[2] = hostView('db-1', {
    labels: { role: 'db', env: 'prod' },
    status: { state: 'unreachable', type: 'hard', attempt: 3, sinceMs: startMs },
  });
  expect(await page()).toMatch(/✖ Down<\/span> <b>db</);
  const { headers } = await get('/status', stranger);
  expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(headers.get('set-cookie')).toBeNull();
});

test('without a label each runbook is a group, and hosts are named only when wanted', async () => {
  const { page } = await start({ names: true });
  const text = await page();
  expect(text).toMatch(/Degraded<\/span> <b>The app</);
  expect(text).toContain('✖ web-1');
  expect(text).toContain('● web-2');
  expect(text).not.toContain('s3cret');
});

test('incidents of the last week are told with their length; what overlaps in a group is one', async () => {
  const { daemon, page } = await start({ groupBy: 'role' });
  const nowMs = daemon.clock.nowMs();
  daemon.checkList = [checkView('web-1', 'app.running', 'ok'), checkView('db-1', 'app.running', 'critical')];
  const down = daemon.checkList[1];
  if (down !== undefined) Object.assign(down.status, { type: 'hard', problemSinceMs: nowMs - 26 * hour });
  const ago = (hours: number): number => nowMs - hours * hour;
  daemon.transitionList = [
    changed('web-2', 'ok', ago(20), { from: 'critical' }),
    changed('web-1', 'ok', ago(21), { from: 'critical' }),
    changed('web-2', 'critical', ago(22)),
    changed('web-1', 'critical', ago(23)),
    changed('web-1', 'ok', ago(47), { from: 'critical', type: 'soft' }),
    changed('web-1', 'critical', ago(48), { type: 'soft', attempt: 1 }),
    changed('web-1', 'warning', ago(50), { from: 'critical' }),
    changed('web-1', 'critical', ago(51)),
  ];
  const text = await page();
  const rows = text.match(/<b>[^<]+<\/b> ha[ds] trouble, [^<]+/g);
  expect(rows).toEqual([
    '<b>&lt;web&gt;</b> had trouble, for 3 h',
    '<b>db</b> has trouble, for 1 d 2 h',
    '<b>&lt;web&gt;</b> had trouble, for 1 h',
  ]);
});

function rowsOf(text: string): string[] {
  return [...text.matchAll(/<b>([^<]+)<\/b> (planned work[^<]*)(?:<span class="dim">([^<]+))?/g)].map((row) =>
    row.slice(1).join('|'),
  );
}

test('downtimes that run or are planned are told by group and time, never why or by whom', async () => {
  const { daemon, page } = await start({ groupBy: 'role', labels: { env: 'prod' } });
  expect(await page()).not.toContain('Planned work');
  const nowMs = daemon.clock.nowMs();
  const all = { isFor: () => true };
  const later = { startsAtMs: nowMs + 5 * hour, endsAtMs: nowMs + 6 * hour };
  daemon.downtimeList = [
    { ...all, startsAtMs: nowMs - hour, endsAtMs: nowMs + hour, hosts: ['web-1', 'web-2', 'lab-1'] },
    { ...all, ...later, hosts: ['db-1', 'web-2'] },
    { ...all, ...later, hosts: ['db-1', 'web-2'] },
    { ...all, ...later, hosts: ['lab-1'] },
    { ...later, hosts: ['db-1'], isFor: () => false },
    { ...all, startsAtMs: nowMs + 8 * 24 * hour, endsAtMs: nowMs + 9 * 24 * hour, hosts: ['web-1'] },
  ];
  const text = await page();
  expect(rowsOf(text)).toEqual(['&lt;web&gt;|planned work is under way|', '&lt;web&gt;, db|planned work|']);
  for (const word of ['web-1', 'db-1', 'lab']) expect([word, text.includes(word)]).toEqual([word, false]);
  expect(text).toContain(`<time datetime="${new Date(later.startsAtMs).toISOString()}">`);
  daemon.statusPage = { title: 'T', labels: { env: 'prod' }, groupBy: 'role', names: true };
  expect(rowsOf(await page())[1]).toBe('&lt;web&gt;, db|planned work |(db-1, web-2)');
});

test('badges: one for all, and for hosts and checks only where they are named', async () => {
  const { daemon, get, page } = await start();
  const all = await get('/badges/all.svg', stranger);
  expect(all.headers.get('content-type')).toContain('image/svg+xml');
  expect(all.text).toContain('aria-label="Example &amp; Sons: degraded"');
  expect(all.text).not.toMatch(/<script|@font-face|href|url\(/);
  expect((await get('/badges/web-1.svg', stranger)).status).toBe(404);
  expect((await get('/badges/web-1/app.running.svg', stranger)).status).toBe(404);
  daemon.statusPage = { title: 'T', labels: {}, names: true };
  expect(await page('/badges/web-1.svg')).toContain('web-1: down');
  expect(await page('/badges/web-2/running.svg')).toContain('web-2 app.running: up');
  for (const path of ['/badges/web-9.svg', '/badges/web-1/nothing.svg', '/badges/web-1', '/badges/web-1.png'])
    expect([path, (await get(path, stranger)).status]).toEqual([path, 404]);
});

test('it is made once in ten seconds, for all, and a browser that knows it gets nothing', async () => {
  const { daemon, get } = await start();
  let walks = 0;
  const { eachCheck } = daemon;
  daemon.eachCheck = (from) => {
    walks += 1;
    return eachCheck(from);
  };
  const first = await get('/status', stranger);
  const tag = first.headers.get('etag') ?? '';
  await Promise.all(Array.from({ length: 20 }, () => get('/badges/all.svg', stranger)));
  expect(walks).toBe(1);
  const again = await get('/status', { ...stranger, 'if-none-match': tag });
  expect([again.status, again.text]).toEqual([304, '']);
  daemon.clock.advance(10_001);
  await get('/status', stranger);
  expect(walks).toBe(2);
});

test('too many visits are turned away for a while', async () => {
  const { get } = await start();
  const answers = await Promise.all(Array.from({ length: 301 }, () => get('/badges/all.svg', stranger)));
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(1);
  expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
});
