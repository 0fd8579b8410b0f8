/** Every link, button, field and key that any screen has is pressed against a daemon that lives, and does something. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { pictureAndJudge, Stage } from './support/browser.ts';
import { healedWorker, waitingApproval } from './support/page-scenes.ts';

const stage = Stage.forFile('{ release: person }');

/** Each has a test of its own: they end what others need. */
const apart = [
  'foot button Sign out',
  'foot button Colours:',
  'notes button Dismiss',
  'alarms button Ask again',
];
const waysOut = ['Escape', 'Cancel', 'Close'];

const settled = `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))`;

async function ready(page: Page, path: string): Promise<void> {
  const here = new URL(page.url());
  if (here.pathname + here.search !== path) await page.goto(`${stage.fleet.url}${path}`);
  await page.locator('.first .chip', { hasText: /live|STALE/ }).waitFor();
  await expect.poll(() => page.getByText('Loading…').count()).toBe(0);
  await page.evaluate(settled);
}

async function namesOn(page: Page): Promise<string[]> {
  return page.evaluate('[...new Set(controlsHere().map(({ name }) => name))]');
}

/** Runs in the page. */
const tried = `document.querySelector('[data-try]')`;

/** The first control of that name. */
async function mark(page: Page, name: string): Promise<boolean> {
  return page.evaluate(`(() => {
    for (const each of document.querySelectorAll('[data-try]')) each.removeAttribute('data-try');
    const found = controlsHere().find(({ name }) => name === ${JSON.stringify(name)});
    found?.element.setAttribute('data-try', '');
    return found !== undefined;
  })()`);
}

async function leaveDialog(page: Page): Promise<void> {
  const dialog = page.getByRole('dialog');
  const [way = 'Escape'] = waysOut.splice(0, 1);
  waysOut.push(way);
  const button = dialog.getByRole('button', { name: way, exact: true });
  await ((await button.count()) === 0 ? page.keyboard.press('Escape') : button.click());
  await dialog.waitFor({ state: 'detached' });
}

/** A dialog to go on with; what needs none says in a note what was done. */
async function didSomething(page: Page, what: string): Promise<void> {
  const dialog = page.getByRole('dialog');
  const note = page.locator('.notice');
  const hasNote = what.includes('button Check now');
  await (hasNote ? note.first() : dialog).waitFor().catch((cause: unknown) => {
    throw new Error(`nothing came of: ${what}`, { cause });
  });
  if (!hasNote) await leaveDialog(page);
  else await note.first().getByRole('button', { name: 'Dismiss' }).click();
}

async function press(page: Page, name: string): Promise<void> {
  const control = page.locator('[data-try]');
  const what = `${name} on ${page.url()}`;
  const before = page.url();
  if (name.includes(' link to ')) {
    const href = await control.getAttribute('href');
    await control.click();
    await page.waitForURL(`${stage.fleet.url}${href}`);
    await expect.poll(() => page.getByText('Loading…').count()).toBe(0);
    expect(await page.getByText(/Not shown|Nothing here/).count(), what).toBe(0);
  } else if (name.includes(' summary ')) {
    const isOpen = () => page.evaluate(`${tried}.parentElement.open`);
    const was = await isOpen();
    await control.click();
    expect(await isOpen(), what).toBe(!was);
  } else if (name.includes(' field ')) {
    const kind = await page.evaluate<string>(`${tried}.type`);
    if (kind === 'checkbox') await control.check();
    else if (kind === 'select-one') {
      const values = await page.evaluate<string[]>(`[...${tried}.options].map(({ value }) => value)`);
      const chosen = await control.inputValue();
      await control.selectOption(values.findLast((value) => value !== chosen) ?? chosen);
    } else {
      await control.fill('web-1');
      await control.press('Enter');
    }
    await expect.poll(() => page.url(), { message: what }).not.toBe(before);
  } else {
    await control.click();
    await didSomething(page, what);
  }
}

/** The same by its key: on its row, or on an incident anywhere. */
async function pressKey(page: Page, name: string): Promise<void> {
  const control = page.locator('[data-try]');
  const key = control.locator('kbd');
  if ((await key.count()) === 0) return;
  const letter = await key.innerText();
  const row = page.locator('[data-row]').filter({ has: control });
  if ((await row.count()) > 0) await row.focus();
  else await page.evaluate('document.activeElement.blur()');
  await page.keyboard.press(letter);
  await didSomething(page, `key ${letter} for ${name}`);
}

const pressed = new Set<string>(apart);

async function pressAll(page: Page, path: string): Promise<void> {
  await ready(page, path);
  for (;;) {
    const name = (await namesOn(page)).find((each) => !pressed.has(each));
    if (name === undefined) break;
    pressed.add(name);
    if (!(await mark(page, name))) continue;
    await press(page, name);
    await ready(page, path);
    if (name.includes(' button ') && (await mark(page, name))) await pressKey(page, name);
  }
}

const trustLost = {
  action: 'queue.restart',
  mode: 'propose',
  by: 'rule',
  reason: 'it failed 5 times in a row',
} as const;

/** Trouble of every kind at once. */
async function trouble(): Promise<void> {
  const { fleet } = stage;
  const nowMs = Date.now();
  await fleet.meanwhile(({ coordinator }) => {
    coordinator.saveTrust({ ...trustLost, sinceMs: nowMs });
  });
  fleet.say('db-1', 'hostile', 'warning', 'nobody mends this');
  await fleet.post('/api/v1/silences', { match: { hosts: ['db-2', 'web-1'] }, reason: 'quiet', for: '1h' });
  await waitingApproval(fleet);
}

test('whatever can be pressed on the screens of a fleet in trouble does something, by pointer and by key', {
  timeout: 300_000,
}, async () => {
  const { fleet } = stage;
  const run = await healedWorker(fleet, 'web-1');
  await trouble();
  const visitor = await stage.visitor('admin');
  // A check that runs at this moment cannot be run now.
  visitor.expectFault(/\b409\b/);
  const page = await visitor.open('/');
  for (const path of [
    '/',
    '/hosts',
    '/hosts?label=role%3Dworker',
    '/hosts/web-2',
    '/hosts/db-1',
    '/hosts/web-1',
    '/runs',
    '/runs?held=1',
    `/runs/${encodeURIComponent(run.id)}`,
    '/incidents/db-1/disk.space',
    '/incidents/web-1/queue.worker',
    '/approvals',
    '/silences',
    '/definitions',
  ])
    await pressAll(page, path);
  expect(pressed.size).toBeGreaterThan(80);
});

test('search by keys and by pointer', async () => {
  const visitor = await stage.visitor('read');
  const page = await visitor.open('/');
  const dialog = page.getByRole('dialog');
  const options = dialog.getByRole('option');
  await page.getByRole('button', { name: /^Search/ }).click();
  await dialog.getByRole('combobox').fill('web-');
  await expect.poll(() => options.count()).toBeGreaterThan(1);
  const chosen = () => dialog.getByRole('combobox').getAttribute('aria-activedescendant');
  await page.keyboard.press('ArrowDown');
  await expect.poll(chosen).toBe('search-1');
  await page.keyboard.press('ArrowUp');
  await expect.poll(chosen).toBe('search-0');
  await dialog.getByRole('combobox').fill('db-2');
  await options.filter({ hasText: 'db-2' }).first().click();
  await page.waitForURL(/\/hosts\/db-2/);
});

test('a tab that was open while mendd was replaced can be loaded again, and so can a part that is gone', async () => {
  const visitor = await stage.visitor('read');
  const page = await visitor.open('/');
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  await page.route('**/api/v1/session', async (route) => {
    const response = await route.fetch();
    if (response.status() === 204) return route.fulfill({ response });
    const session = (await response.json()) as object;
    return route.fulfill({ response, json: { ...session, version: '99.0.0' } });
  });
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('mendd was updated').waitFor();
  await page.unroute('**/api/v1/session');
  await page.getByRole('button', { name: 'Load it again' }).click();
  await expect.poll(() => page.getByText('mendd was updated').count()).toBe(0);

  visitor.expectFault(/runs-|ERR_FAILED/);
  await page.route('**/assets/runs-*.js', (route) => route.abort());
  await page.getByRole('link', { name: 'Runs' }).click();
  await page.getByRole('heading', { name: 'Another version of mendd' }).waitFor();
  await page.unroute('**/assets/runs-*.js');
  await page.getByRole('button', { name: 'Load the page again' }).click();
  await page.getByRole('heading', { name: 'Runs' }).waitFor();
});

test('the keyboard reaches the content at once', async () => {
  const visitor = await stage.visitor('read');
  const page = await visitor.open('/hosts');
  await page.getByRole('heading', { name: 'Hosts' }).waitFor();
  await page.keyboard.press('Tab');
  await page.getByRole('link', { name: 'To the content' }).press('Enter');
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('content');
});

test('a downtime is announced for later, for a problem that may come, and for every week', async () => {
  const visitor = await stage.visitor('ack');
  visitor.expectFault(/\b(400|422)\b/);
  const page = await visitor.open('/silences');
  await page.getByRole('button', { name: 'New downtime…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/^Hosts/).fill('db-2');
  await dialog.getByLabel(/^Begins/).fill('2040-01-02T03:04');
  await dialog.getByLabel('1 day').check();
  await dialog.getByLabel('Why').fill('new disks');
  await dialog.getByRole('button', { name: 'Announce the downtime' }).click();
  const row = page.locator('[data-row]', { hasText: 'new disks' });
  await row.waitFor();
  expect(await row.innerText()).toMatch(/from\s+01-02 03:04\s+to\s+01-03 03:04/);

  await page.getByRole('button', { name: 'New downtime…' }).click();
  await dialog.getByLabel(/^Hosts/).fill('db-2');
  await dialog.getByLabel(/^When/).selectOption('flexible');
  await dialog.getByLabel(/^Lasts/).fill('20m');
  await dialog.getByLabel('4 h').check();
  await dialog.getByLabel('Why').fill('somebody may trip over it');
  await dialog.getByRole('button', { name: 'Announce the downtime' }).click();
  const flexible = page.locator('[data-row]', { hasText: 'somebody may trip' });
  await flexible.getByText('20 min from the first problem').waitFor();

  await page.getByRole('button', { name: 'New downtime…' }).click();
  await dialog.getByLabel(/^Labels/).fill('role=database');
  await dialog.getByLabel(/^When/).selectOption('recurring');
  await dialog.getByLabel(/^Begins whenever/).fill('0 3 * *');
  await dialog.getByLabel('Time zone').fill('Europe/Vienna');
  await dialog.getByLabel('Why').fill('the weekly dump');
  await pictureAndJudge(page, 'downtime-form');
  await dialog.getByRole('button', { name: 'Announce the downtime' }).click();
  await dialog
    .getByRole('alert')
    .getByText(/schedule|cron/)
    .waitFor();
  await dialog.getByLabel(/^Begins whenever/).fill('0 3 * * 0');
  await dialog.getByRole('button', { name: 'Announce the downtime' }).click();
  const weekly = page.locator('[data-row]', { hasText: 'the weekly dump' });
  await expect
    .poll(() => weekly.innerText())
    .toMatch(/whenever 0 3 \* \* 0 fires \(Europe\/Vienna\), for 1 h/);
});

test('trust, the brake and the ledger are given back by a person who means it', async () => {
  const { fleet } = stage;
  const sinceMs = Date.now();
  await fleet.meanwhile(({ coordinator }) => {
    coordinator.saveBrake({
      scope: 'fleet',
      cause: 'mass_failure',
      sinceMs,
      unhealthy: 3,
      hosts: 4,
      allowed: 1,
    });
    coordinator.saveTrust({ ...trustLost, sinceMs });
    coordinator.setQuarantine({ cause: 'restored', sinceMs, text: 'the ledger is older than the history' });
  });
  const visitor = await stage.visitor('admin');
  const page = await visitor.open('/');
  const dialog = page.getByRole('dialog');
  const alarm = page.getByText('mendd itself is not well');
  await alarm.waitFor();
  // Its age would be read aloud each second.
  expect(await page.locator('.alarm').getByRole('alert').innerText()).toBe(
    '◌ Do not trust this page: mendd itself is not well.',
  );
  await page.getByRole('button', { name: 'Ask again' }).click();
  expect(await alarm.count()).toBe(1);
  await pressAll(page, '/');

  const given = async (row: string, word: string, confirm: string): Promise<void> => {
    await page.locator('[data-row]', { hasText: row }).focus();
    await page.keyboard.press('a');
    await dialog.getByLabel('Why').fill('looked at it');
    if (word === '') {
      await dialog.getByRole('button', { name: `Hold: ${confirm}` }).focus();
      await page.keyboard.down(' ');
    } else {
      await dialog.getByLabel(/or type/).fill(word);
      await dialog.getByRole('button', { name: confirm }).click();
    }
    await dialog.waitFor({ state: 'detached' });
    await page.keyboard.up(' ');
    await page.mouse.move(0, 0);
    await page.evaluate('document.activeElement.blur()');
    await expect.poll(() => page.locator('[data-row]', { hasText: row }).count()).toBe(0);
  };
  await given('LEDGER NOT TRUSTED', 'rearm', 'Re-arm');
  await expect.poll(() => alarm.count()).toBe(0);
  const { items } = await fleet.get<{ items: { tag: string }[] }>('/api/v1/trust');
  const promoted = page.waitForRequest(/queue\.restart\/promote$/);
  await given('TRUST LOST', 'queue.restart', 'Trust it again');
  expect((await promoted).headers()['if-match']).toBe(`"${items[0]?.tag}"`);
  const { tag } = await fleet.get<{ tag: string }>('/api/v1/brakes/fleet');
  const released = page.waitForRequest(/brakes\/fleet\/release$/);
  await given('BRAKE ON', '', 'Release');
  // The one that was shown, and no later one.
  expect((await released).headers()['if-match']).toBe(`"${tag}"`);
  const { automation } = await fleet.get<{
    automation: { quarantine?: unknown; demoted: unknown[]; brakes: { on: boolean }[] };
  }>('/api/v1/now');
  expect(automation.quarantine).toBeUndefined();
  expect(automation.demoted).toEqual([]);
  expect(automation.brakes.some(({ on }) => on)).toBe(false);
});

test('what people were not told is sent again or left to rest', async () => {
  const { fleet } = stage;
  const nowMs = Date.now();
  await fleet.meanwhile(({ coordinator }) => {
    for (const key of ['first', 'second']) {
      coordinator.enqueue({
        key,
        target: 'pager',
        kind: 'problem',
        host: 'db-1',
        ladder: 'disk.page',
        body: { text: key, subject: `${key} trouble of db-1` },
        createdAtMs: nowMs,
        nextAttemptAtMs: nowMs,
      });
      const message = coordinator.dueMessages(nowMs, 9).find((each) => each.key === key);
      coordinator.messageFailed(message?.id ?? 0, 'HTTP 422: the pager does not know this service', 'dead');
    }
  });
  const visitor = await stage.visitor('act');
  const page = await visitor.open('/');
  const row = page.locator('[data-row="messages"]');
  await row.getByText('2 messages to people').waitFor();
  await row.getByRole('button', { name: /^Look at them/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('the pager does not know this service').first().waitFor();
  await pictureAndJudge(page, 'dead-letters');
  await page.keyboard.press('Escape');
  await row.focus();
  await page.keyboard.press('a');
  await dialog.locator('li').first().getByRole('button', { name: 'Let it rest' }).click();
  // No other comes under the pointer meanwhile.
  await dialog.getByText('1 change when you let go').waitFor();
  expect(await dialog.locator('li').count()).toBe(2);
  await dialog.getByRole('button', { name: 'Close' }).hover();
  await dialog.getByRole('button', { name: 'Close' }).focus();
  await expect.poll(() => dialog.locator('li').count()).toBe(1);
  await dialog.getByRole('button', { name: 'Send again' }).click();
  await dialog.getByRole('button', { name: 'Close' }).hover();
  await dialog.getByRole('button', { name: 'Close' }).focus();
  await dialog.getByText('Nothing is left here.').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await page.mouse.move(0, 0);
  await page.evaluate('document.activeElement.blur()');
  await expect.poll(() => row.count()).toBe(0);
  const told = async (): Promise<string[]> => {
    const { items } = await fleet.get<{ items: { key: string; status: string }[] }>('/api/v1/messages');
    const ours = items.filter(({ key }) => key === 'first' || key === 'second');
    return ours.map(({ status }) => status).toSorted();
  };
  await expect.poll(told).toEqual(['dismissed', 'sent']);
});

test('what waits too long for its delivery needs a person before it is given up', async () => {
  const { fleet } = stage;
  const createdAtMs = Date.now() - 16 * 60_000;
  await fleet.meanwhile(({ coordinator }) => {
    const place = {
      key: 'late',
      target: 'pager',
      kind: 'problem',
      host: 'db-1',
      ladder: 'disk.page',
    } as const;
    const body = { text: 'late', subject: 'late trouble of db-1' };
    coordinator.enqueue({ ...place, body, createdAtMs, nextAttemptAtMs: Date.now() + 3_600_000 });
  });
  const visitor = await stage.visitor('act');
  const page = await visitor.open('/');
  const row = page.locator('[data-row="messages"]');
  await row.getByText(/waits? for another attempt, the oldest for 1\d min/).waitFor();
  await row.getByRole('button', { name: /^Look at them/ }).click();
  const dialog = page.getByRole('dialog');
  // Another may be on its way to its first attempt.
  const late = dialog.locator('li', { hasText: 'late trouble of db-1' });
  await late.waitFor();
  expect(await dialog.getByRole('button', { name: 'Let it rest' }).count()).toBe(0);
  await late.getByRole('button', { name: 'Send again' }).click();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await page.mouse.move(0, 0);
  await page.evaluate('document.activeElement.blur()');
  await expect.poll(() => row.count()).toBe(0);
});
