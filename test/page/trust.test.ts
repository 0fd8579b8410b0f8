/** What must never happen on the page: a write without a right or by another site, old data as live, rows that jump, hostile output that runs. */
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { expectNoSidewaysScroll, pictureAndJudge, Stage } from './support/browser.ts';
import { healedWorker, runsOf, waitingApproval } from './support/page-scenes.ts';

const stage = Stage.forFile();

const places = [
  '/',
  '/hosts',
  '/hosts/db-1',
  '/runs',
  '/incidents/db-1/disk.space',
  '/approvals',
  '/silences',
  '/definitions',
];

test('a reader sees no button that acts, on any screen, and keys do nothing', async () => {
  await waitingApproval(stage.fleet);
  const run = await healedWorker(stage.fleet, 'web-1');
  await stage.fleet.post('/api/v1/silences', { match: { hosts: ['db-2'] }, reason: 'quiet', for: '1h' });
  const [reader, admin] = await Promise.all([stage.visitor('read'), stage.visitor('admin')]);
  const [theirs, ours] = await Promise.all([reader.open('/'), admin.open('/')]);
  for (const place of [...places, `/runs/${encodeURIComponent(run.id)}`]) {
    const buttonsOf = async (page: Page): Promise<string[]> => {
      await page.goto(`${stage.fleet.url}${place}`);
      // From then on the page knows what they may do.
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      await page.locator('main').getByRole('heading').or(page.locator('main [data-row]')).first().waitFor();
      await expect.poll(() => page.getByText('Loading…').count()).toBe(0);
      // To ask why is to read.
      const buttons = await page.locator('main button').allInnerTexts();
      return buttons.filter((text) => !text.startsWith('Why?'));
    };
    const [forReader, forAdmin] = await Promise.all([buttonsOf(theirs), buttonsOf(ours)]);
    expect(forReader, place).toEqual([]);
    if (!place.startsWith('/runs') && place !== '/hosts') expect(forAdmin, place).not.toEqual([]);
    for (const key of ['j', 'a', 'x', 'c', 's', 'P']) await theirs.keyboard.press(key);
    expect(await theirs.getByRole('dialog').count(), place).toBe(0);
  }
});

test('another site, or a script that forgets itself, changes nothing with the cookie', async () => {
  const visitor = await stage.visitor('admin');
  const { url } = stage.fleet;
  const post = (headers: Record<string, string>) =>
    visitor.context.request.post(`${url}/api/v1/pause`, { data: { reason: 'evil' }, headers });
  expect((await post({})).status()).toBe(403);
  expect((await post({ 'x-mendd-csrf': '1', origin: 'http://evil.example' })).status()).toBe(403);
  expect((await post({ 'x-mendd-csrf': '1', 'sec-fetch-site': 'cross-site' })).status()).toBe(403);
  const { automation } = await stage.fleet.get<{ automation: { paused?: unknown } }>('/api/v1/now');
  expect(automation.paused).toBeUndefined();
  const [cookie] = await visitor.context.cookies();
  expect(cookie).toMatchObject({ name: 'mendd_session', httpOnly: true, sameSite: 'Strict' });
  const page = await visitor.open('/');
  expect(await page.evaluate('document.cookie')).toBe('');
});

test('two tabs share one stream of events, and both are live', async () => {
  const visitor = await stage.visitor('read');
  const streams: string[] = [];
  visitor.context.on('request', (request) => {
    if (request.url().includes('/api/v1/events')) streams.push(request.url());
  });
  const first = await visitor.open('/hosts');
  await first.locator('[data-row="web-2"]').waitFor();
  const second = await visitor.open('/runs');
  await second.getByText('live').first().waitFor();
  const run = await healedWorker(stage.fleet, 'web-2');
  await second.locator(`[data-row="${run.id}"]`, { hasText: 'verified' }).waitFor();
  await first.locator('[data-row="web-2"]', { hasText: 'OK' }).waitFor();
  expect(streams.length).toBe(1);
});

test('rows stay where they are while the pointer is over them', async () => {
  await healedWorker(stage.fleet, 'web-2');
  const visitor = await stage.visitor('read');
  const page = await visitor.open('/runs');
  const rows = page.locator('main [data-row]');
  await rows.first().waitFor();
  const target = rows.first();
  const before = await target.getAttribute('data-row');
  await target.hover();
  const place = await target.boundingBox();
  const healed = healedWorker(stage.fleet, 'web-1');
  let x = 5;
  await expect
    .poll(async () => {
      // A pointer left lying would not keep them for long.
      x = 15 - x;
      await target.hover({ position: { x, y: 5 } });
      return page.getByText(/when you let go/).count();
    })
    .toBe(1);
  expect(await rows.first().getAttribute('data-row')).toBe(before);
  expect(await target.boundingBox()).toEqual(place);
  const run = await healed;
  await page.mouse.move(0, 0);
  await expect.poll(() => rows.first().getAttribute('data-row')).toBe(run.id);
});

const bidi = '\u202eevil\u202c';
const hostileLine = `CRITICAL <script>document.title='owned'</script><img src=x onerror=alert(1)> \u001b[31mred\u001b[0m \u0007${bidi} nul\u0000end`;
const treacherous = ['\u0000', '\u0007', '\u001b', '\u202e', '\u202c'];
const longLine = 'A'.repeat(1024 * 1024);

test('hostile output of a plugin is only text, everywhere it is shown', async () => {
  const { fleet } = stage;
  fleet.say(
    'db-1',
    'hostile',
    'critical',
    Buffer.from(`${hostileLine}\n<b>second</b> line ${bidi}\n${longLine}\n`),
  );
  await fleet.until('it is told', async () => {
    const { status } = await fleet.get<{ status: { state: string } }>('/api/v1/checks/db-1/disk.hostile');
    expect(status.state).toBe('critical');
  });
  const visitor = await stage.visitor('admin');
  for (const place of ['/', '/hosts/db-1', '/incidents/db-1/disk.hostile']) {
    const page = await visitor.open(place);
    const told = page.getByText("<script>document.title='owned'</script>").first();
    await told.waitFor();
    const text = await told.innerText();
    for (const character of treacherous) expect(text.includes(character), place).toBe(false);
    expect(text.length, place).toBeLessThan(25_000);
    expect(await page.title()).not.toBe('owned');
    expect(
      await page.evaluate(`document.querySelectorAll('main script, main img, main .output b').length`),
    ).toBe(0);
    await page.setViewportSize({ width: 390, height: 844 });
    await expectNoSidewaysScroll(page, place);
  }
  const page = await visitor.open('/incidents/db-1/disk.hostile');
  await page.getByText('The rest of its output').click();
  await page.getByText('<b>second</b> line').waitFor();
  await pictureAndJudge(page, 'hostile');
  fleet.say('db-1', 'hostile', 'ok', 'fine again');
  await page.getByText('fine again').first().waitFor();
});

/** Runs in the page: what stands for OK, as computed. */
const colourOfOk = `(() => {
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.color = 'var(--ok)';
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
})()`;

/** Runs in the page: what is seen in that colour. */
const wearing = (colour: string) => `[...document.querySelectorAll('.page *')]
  .filter((each) => each.checkVisibility())
  .filter((each) => {
    const style = getComputedStyle(each);
    return [style.color, style.backgroundColor, style.borderLeftColor, style.boxShadow, style.fill].some(
      (worn) => worn.includes(${JSON.stringify(colour)}));
  })
  .map((each) => each.outerHTML.slice(0, 120))`;

test('a daemon that no longer answers makes the whole page say so within 15 s, and nothing is green', async () => {
  const visitor = await stage.visitor('read');
  visitor.expectFault(/ERR_|Failed to load/);
  const page = await visitor.open('/hosts');
  await page.locator('[data-row="web-1"]', { hasText: 'OK' }).waitFor();
  await page.getByText('live').first().waitFor();
  const green = await page.evaluate<string>(colourOfOk);
  expect(await page.evaluate<string[]>(wearing(green))).not.toEqual([]);
  const frozenMs = performance.now();
  stage.fleet.freeze();
  try {
    await page.getByText(/stale/i).first().waitFor({ timeout: 15_500 });
    expect(performance.now() - frozenMs).toBeLessThan(15_500);
    await page.locator('.page.is-stale').waitFor();
    expect(await page.evaluate<string[]>(wearing(green))).toEqual([]);
    await pictureAndJudge(page, 'stale');
  } finally {
    stage.fleet.thaw();
  }
  await page.getByText('live').first().waitFor();
  await expect.poll(() => page.locator('.page.is-stale').count()).toBe(0);
  expect((await runsOf(stage.fleet, 'web-1')).every(({ status }) => status === 'verified')).toBe(true);
});

/** Keys of answers that hold what a host, a plugin or a person wrote. */
const written = new Set(
  'text longText stdout stderr evidence outcome command message hint subject lastError answer'.split(' '),
);

/** The answer as if all that was written by others were hostile. */
function poisoned(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return written.has(key) ? `${hostileLine}\n${'B'.repeat(30_000)}` : value;
  if (Array.isArray(value)) return value.map((each) => poisoned(each));
  if (typeof value !== 'object' || value === null) return value;
  if (key === 'labels') return { [`os${bidi}`]: hostileLine };
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, poisoned(each, name)]));
}

const letter = { id: '1', key: 'k', target: 'pager', kind: 'problem', host: 'db-1', ladder: 'disk.clean' };
const letters = {
  items: [
    { ...letter, subject: '', status: 'dead', createdAt: '2026-03-01T02:41:00Z', attempts: 3, lastError: '' },
  ],
};
const facts = {
  sources: [{ name: 'os', values: { [hostileLine]: hostileLine }, everyMs: 1_000, warnings: [hostileLine] }],
};

test('whatever others wrote is only text on every screen: output and evidence of runs, facts, labels, questions, letters', async () => {
  const { fleet } = stage;
  const run = await healedWorker(fleet, 'web-1');
  await waitingApproval(fleet);
  const visitor = await stage.visitor('admin');
  await visitor.context.route('**/api/v1/**', async (route) => {
    const url = route.request().url();
    if (url.includes('/events') || route.request().method() !== 'GET') return route.fallback();
    const response = await route.fetch();
    // The page has it, as it was changed here.
    if (response.status() === 304) return route.fulfill({ response });
    if (url.endsWith('/facts')) return route.fulfill({ response, json: facts });
    const answer: unknown = url.includes('/messages?status=dead') ? letters : await response.json();
    return route.fulfill({ response, json: poisoned(answer) });
  });
  // What is still asked when the test ends is nobody's fault.
  onTestFinished(() => visitor.context.unrouteAll({ behavior: 'ignoreErrors' }));
  const shown: Record<string, number> = {};
  for (const place of [
    ...places,
    `/runs/${encodeURIComponent(run.id)}`,
    '/incidents/web-1/queue.worker',
    '/?show=undelivered/dead',
    '/?show=why/db-1/disk.space',
  ]) {
    const page = await visitor.open(place);
    await page.locator('main').getByRole('heading').or(page.locator('main [data-row]')).first().waitFor();
    await expect.poll(() => page.getByText('Loading…').count()).toBe(0);
    await page.evaluate(`for (const each of document.querySelectorAll('details')) each.open = true`);
    await expect.poll(() => page.getByText('Loading…').count()).toBe(0);
    const text = await page.evaluate<string>('document.body.textContent');
    for (const character of treacherous)
      expect(text.includes(character), `${place}: ${JSON.stringify(character)}`).toBe(false);
    expect(await page.title()).not.toBe('owned');
    expect(await page.evaluate(`document.querySelectorAll('main script, main img, dialog img').length`)).toBe(
      0,
    );
    shown[place] = text.split("<script>document.title='owned'").length - 1;
    await page.setViewportSize({ width: 390, height: 844 });
    await expectNoSidewaysScroll(page, place);
  }
  // Where none of it is shown nothing was proven.
  for (const place of [
    '/',
    '/hosts',
    '/hosts/db-1',
    '/approvals',
    '/?show=undelivered/dead',
    `/runs/${encodeURIComponent(run.id)}`,
  ])
    expect(shown[place], place).toBeGreaterThan(0);
});
