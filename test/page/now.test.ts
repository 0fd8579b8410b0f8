/** The first view: signing in, a worker that breaks and heals before one's eyes, and every key of the page. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { mendd } from '../support/mendd.ts';
import { expectAccessible, pictureAndJudge, Stage } from './support/browser.ts';
import { healedWorker, runsOf, waitingApproval } from './support/page-scenes.ts';

const stage = Stage.forFile();

function section(page: Page, title: RegExp) {
  return page.locator('main section').filter({ has: page.getByRole('heading', { name: title }) });
}

test('a person signs in with a token, which no script can read again, and out', async () => {
  const visitor = await stage.visitor();
  visitor.expectFault(/\b401\b/);
  const page = await visitor.open('/sign-in');
  await pictureAndJudge(page, 'sign-in');
  const token = page.getByLabel('Token');
  await token.fill('mendd_wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText('does not know this token').waitFor();
  await token.fill(stage.fleet.token('act'));
  await token.press('Enter');
  await page.getByText('the act').waitFor();
  await page.waitForURL(`${stage.fleet.url}/`);
  expect(await page.content()).not.toContain(stage.fleet.token('act'));
  expect(
    await page.evaluate('JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }])'),
  ).toBe('["",{},{}]');
  await page.getByRole('button', { name: /Pause all/ }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('link', { name: 'Sign in' }).waitFor();
  expect(await page.getByRole('button', { name: /Pause all/ }).count()).toBe(0);
  expect(await visitor.context.cookies()).toEqual([]);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await token.waitFor();
});

test('a worker breaks, heals itself and was healed: all of it live, without loading anew', async () => {
  const { fleet } = stage;
  const visitor = await stage.visitor('read');
  const page = await visitor.open('/');
  await page.getByText('live').first().waitFor();
  await page.getByRole('heading', { name: /4 OK/ }).first().waitFor();
  await pictureAndJudge(page, 'now-clear');
  await page.evaluate('window.sameDocument = true');
  fleet.hosts['web-1'].breakWorker('broken');
  await section(page, /^Healing itself/i)
    .locator('[data-row]', { hasText: 'web-1' })
    .waitFor();
  await page
    .getByRole('heading', { name: /1 healing/ })
    .first()
    .waitFor();
  await pictureAndJudge(page, 'now-healing');
  await fleet.hosts['web-1'].reboot();
  await section(page, /^While you were away/i)
    .locator('[data-row]', { hasText: 'web-1' })
    .first()
    .waitFor();
  await page.getByRole('heading', { name: /4 OK/ }).first().waitFor();
  expect(await page.evaluate('window.sameDocument')).toBe(true);
});

test('what needs a person is on top with what was tried; every key acts on the row with the focus', async () => {
  const { fleet } = stage;
  await healedWorker(fleet, 'web-2');
  await waitingApproval(fleet);
  fleet.say('db-1', 'hostile', 'warning', 'nobody mends this');
  const visitor = await stage.visitor('admin');
  const page = await visitor.open('/');
  const needs = section(page, /^Needs you/i);
  await needs.locator('[data-row]', { hasText: 'disk.space' }).first().waitFor();
  expect(await needs.innerText()).toContain('rm -f space.output');
  await pictureAndJudge(page, 'now-needs-you');
  const { keyboard } = page;
  const dialog = page.getByRole('dialog');
  const opened = async (key: string, title: RegExp): Promise<void> => {
    await keyboard.press(key);
    await dialog.getByRole('heading', { name: title }).first().waitFor();
    await keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  };
  const focused = () => page.evaluate<string | null>('document.activeElement.getAttribute("data-row")');
  await keyboard.press('j');
  const first = await focused();
  expect(first).toContain('db-1~disk.clean');
  await keyboard.press('j');
  expect(await focused()).not.toBe(first);
  await keyboard.press('k');
  expect(await focused()).toBe(first);
  await opened('a', /run on db-1/);
  await opened('x', /not run/i);
  await keyboard.press('e');
  await dialog.getByText(/^\d+ of \d+ gates pass/).click();
  await dialog.getByRole('region', { name: 'Gates' }).waitFor();
  await keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await opened('?', /help|keys/i);
  await opened('P', /pause/i);
  expect(await focused(), 'the focus comes back from a dialog').toBe(first);
  await keyboard.press('Enter');
  await page.waitForURL(/\/approvals/);
  await page.goBack();
  await needs.waitFor();
  await page.locator('main [data-row]', { hasText: 'nobody mends this' }).first().focus();
  await keyboard.press('Enter');
  await page.waitForURL(/\/incidents\/db-1\/disk\.hostile/);

  await keyboard.press('/');
  await dialog
    .getByRole('combobox')
    .or(dialog.getByRole('searchbox'))
    .or(dialog.getByRole('textbox'))
    .first()
    .fill('db-2');
  await dialog.getByText('db-2').first().waitFor();
  await pictureAndJudge(page, 'search');
  await keyboard.press('Enter');
  await page.waitForURL(/\/hosts\/db-2/);
});

test('a problem that nothing mends is acknowledged, silenced and checked from its row by c, s and r', async () => {
  const { fleet } = stage;
  fleet.say('db-1', 'hostile', 'warning', 'nobody mends this');
  const visitor = await stage.visitor('act');
  const page = await visitor.open('/');
  const row = page.locator('main [data-row]', { hasText: 'nobody mends this' }).first();
  await row.waitFor();
  const dialog = page.getByRole('dialog');
  await row.focus();
  await page.keyboard.press('c');
  await dialog.getByRole('button', { name: 'Acknowledge' }).click();
  await page.locator('.notice', { hasText: 'Acknowledged' }).waitFor();
  await row.focus();
  await page.keyboard.press('s');
  await dialog.getByRole('button', { name: 'Silence' }).click();
  await page.locator('.notice', { hasText: 'Silenced' }).waitFor();
  const { items } = await fleet.get<{ items: { kind: string; by: string }[] }>('/api/v1/suppressions');
  expect(items.map(({ kind, by }) => `${kind} by ${by}`).toSorted()).toEqual([
    'acknowledgement by the act',
    'silence by the act',
  ]);
  // With the focus on it the row stays, whatever becomes of the problem.
  await row.focus();
  fleet.say('db-1', 'hostile', 'ok', 'mended by hand');
  await page.keyboard.press('r');
  await page.locator('.notice', { hasText: 'is ok' }).waitFor();
  // Nobody at the row any more: what ended without a repair is told as well.
  await page.mouse.move(0, 0);
  await page.evaluate('document.activeElement.blur()');
  const passed = section(page, /^While you were away/i).locator('[data-row="passed db-1 disk.hostile"]');
  await passed.getByText('came back from WARNING by itself').waitFor();
  expect(await passed.innerText()).toMatch(/down \d+ (s|min)/);
  expect(await runsOf(fleet, 'db-2')).toEqual([]);
});

test('the key of a button works as soon as the button can be seen, and so do those of a row', async () => {
  const visitor = await stage.visitor('act');
  // Presses in the same breath in which they come.
  await visitor.context.addInitScript(`new MutationObserver((_changes, observer) => {
    const row = document.querySelector('[data-row="disk.space"]');
    const commands = document.querySelector('article > .commands');
    if (row === null && commands === null) return;
    observer.disconnect();
    row?.focus();
    (row ?? document.body).dispatchEvent(new KeyboardEvent('keydown', { key: row === null ? 's' : 'r', bubbles: true }));
  }).observe(document, { childList: true, subtree: true })`);
  const incident = await visitor.open('/incidents/db-1/disk.space');
  await incident.getByRole('dialog').getByText('Nothing acts on it').waitFor();
  const host = await visitor.open('/hosts/db-1');
  const checking = host.locator('.notice', { hasText: 'Checking db-1 › disk.space' });
  await expect.poll(() => checking.count()).toBe(1);
});

test('a theme chosen by the reader stays, and beats that of the system', async () => {
  const visitor = await stage.visitor();
  const page = await visitor.open('/hosts');
  const background = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await background();
  const button = page.getByRole('button', { name: /Colours/ });
  await button.click();
  await page.getByRole('button', { name: /light/i }).waitFor();
  const light = await background();
  expect(light).not.toBe(dark);
  await page.reload();
  await button.waitFor();
  expect(await background()).toBe(light);
});

test('the words of a button can be read while the pointer is on it', async () => {
  const visitor = await stage.visitor('ack');
  const page = await visitor.open('/silences');
  const button = page.getByRole('button', { name: 'New silence…' });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await button.hover();
    await expectAccessible(page, `hovered, ${colorScheme}`);
  }
});

test('the command that the page prints for those without a token makes one', async () => {
  const visitor = await stage.visitor();
  const page = await visitor.open('/sign-in');
  const [program, ...words] = (await page.locator('.sign-in code').innerText()).split(' ');
  expect(program).toBe('mendd');
  const config = join(stage.fleet.directory, 'mendd.yaml');
  const { code, stdout, stderr } = await mendd([...words, '--config', config]);
  expect(stderr).toMatch(/act/);
  expect(code).toBe(0);
  await page.getByLabel('Token').fill(stdout.trim());
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: /Pause all/ }).waitFor();
});

/** What `now` says, changed before the page hears it. */
async function whereNowSays(page: Page, change: object): Promise<void> {
  await page.route('**/api/v1/now', async (route) => {
    const response = await route.fetch();
    // The page has it, as it was changed here.
    if (response.status() === 304) await route.fulfill({ response });
    else await route.fulfill({ response, json: merge(await response.json(), change) });
  });
  // What is still asked when the test ends is nobody's fault.
  onTestFinished(() => page.unrouteAll({ behavior: 'ignoreErrors' }));
}

function merge(into: Record<string, unknown>, change: object): object {
  const merged = Object.entries(change).map(([key, value]) => {
    const before = into[key];
    const isDeep = typeof before === 'object' && before !== null && !Array.isArray(value);
    return [key, isDeep ? merge({ ...before }, value as object) : value];
  });
  return { ...into, ...Object.fromEntries(merged) };
}

test('hosts that want to be let in and held inventories need you, and lists say what they leave out', async () => {
  await healedWorker(stage.fleet, 'web-1');
  const visitor = await stage.visitor('read');
  const page = await visitor.context.newPage();
  await whereNowSays(page, {
    verdict: { needYou: 2 },
    registrations: { waiting: 12, names: ['web-7', '\u202eweb-8'] },
    heldInventories: [{ name: 'cmdb', since: new Date().toISOString(), vanished: 3, of: 10 }],
    suppressions: [],
    totals: { healed: 312, flapping: 0, suppressions: 201 },
  });
  await page.goto(`${stage.fleet.url}/`);
  const needs = section(page, /^Needs you/i);
  await needs.locator('[data-row="registrations"]').waitFor();
  const told = await needs.innerText();
  expect(told).toMatch(/LET THEM IN\? 12 hosts registered\s+web-7, \ufffdweb-8, and 10 more/);
  expect(told).toMatch(/INVENTORY HELD cmdb\s+3 of 10 hosts vanished at once/);
  await page.getByText(/told are the newest \d+ of 312 repairs/).waitFor();
  await page.getByText('and 201 more').waitFor();
  await pictureAndJudge(page, 'now-waiting');
  await page.getByRole('link', { name: 'All repairs' }).click();
  await page.waitForURL(/\/runs\?status=verified/);
  await page.goBack();
  await page.getByText('and 201 more').getByRole('link', { name: 'Silences' }).click();
  await page.waitForURL(/\/silences/);
});

test('nothing says "All clear" while the newest definitions are refused', async () => {
  // Tabs of one browser would share what the first of them hears.
  const open = async (): Promise<Page> => (await stage.visitor('read')).context.newPage();
  const [clear, refused] = [await open(), await open()];
  const counts = { needYou: 0, healing: 0, problems: 0, unreachable: 0, stale: 0, ok: 4 };
  const quiet = { verdict: counts, approvals: [], needsYou: [], healing: [], worst: [], unreachable: [] };
  await whereNowSays(clear, quiet);
  await clear.goto(`${stage.fleet.url}/`);
  await clear.getByRole('heading', { name: '● All clear' }).waitFor();
  await whereNowSays(refused, { ...quiet, definitions: { lastReloadOk: false, problems: ['no such host'] } });
  await refused.goto(`${stage.fleet.url}/`);
  await refused.getByText('The newest definitions were refused').waitFor();
  await refused.getByRole('heading', { name: 'mendd is watching' }).waitFor();
  expect(await refused.getByText('All clear').count()).toBe(0);
});

test('what a dialog tells has a URL, which opens it again and goes with it', async () => {
  const { fleet } = stage;
  const visitor = await stage.visitor('admin');
  const page = await visitor.open('/?show=why/db-1/disk.space');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('heading', { name: 'Why? db-1 › disk.space' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  expect(page.url()).toBe(`${fleet.url}/`);
  await page.goto(`${fleet.url}/?show=undelivered/dead`);
  await dialog.getByText('Nothing is left here.').waitFor();
  await page.goto(`${fleet.url}/definitions`);
  await page.getByRole('button', { name: /What would a reload change/ }).click();
  const told = dialog.getByText(/check states|the newest are in force/);
  await told.waitFor();
  expect(page.url()).toBe(`${fleet.url}/definitions?show=plan`);
  await page.reload();
  await told.waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await dialog.waitFor({ state: 'detached' });
  expect(page.url()).toBe(`${fleet.url}/definitions`);
});
