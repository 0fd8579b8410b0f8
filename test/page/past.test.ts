/** What is older than what happens now: sums of the days before, and an outage that hides what lies behind it. */
import { expect, test } from 'vitest';
import { pictureAndJudge, Stage } from './support/browser.ts';

const stage = Stage.forFile();
const hourMs = 3_600_000;
const days = 3;
/** Of the graph of a week. */
const stepMs = 1_800_000;

test('a graph of a week is drawn from sums, days back', async () => {
  const { fleet } = stage;
  // The beginning of a step: both values of an hour fall into the same one.
  const nowMs = Math.floor(Date.now() / stepMs) * stepMs;
  await fleet.meanwhile(({ store }) => {
    store.batch(() => {
      for (let hours = days * 24; hours > 0; hours -= 1) {
        for (const [minute, value] of [
          [1, 10],
          [2, 30],
        ] as const)
          store.save({
            host: 'db-1',
            check: 'disk.space',
            result: {
              state: 'ok',
              text: 'DISK ok',
              longText: '',
              perfdata: [
                { label: '/', value: value + hours, uom: '%', warn: '80', crit: '95', min: 0, max: 100 },
              ],
              exitCode: 0,
              startedAtMs: nowMs - hours * hourMs + minute * 1000,
              durationMs: 5,
            },
            transitions: [],
            events: [],
          });
      }
    });
  });
  const visitor = await stage.visitor('read');
  const page = await visitor.open('/incidents/db-1/disk.space?range=7d');
  await page.locator('.graph canvas').waitFor();
  await page.locator('.legend', { hasText: 'the mean of each step' }).waitFor();
  // However old the last value is, it is not called that of now.
  expect(await page.locator('.legend li').first().innerText()).toMatch(/% .+ ago, the mean of each step/);
  const summary = page.getByText(/^As a table/);
  await expect.poll(() => summary.innerText()).toMatch(/the newest (\d+) of \1 values over (2 d 23 h|3 d)/);
  await summary.click();
  const oldest = page.getByRole('region', { name: 'Values' }).getByRole('row').last();
  const date = new Date(nowMs - days * 24 * hourMs).toISOString();
  expect(await oldest.innerText()).toMatch(new RegExp(`^${date.slice(5, 10)} .*\\s92\\s+82\\s+102$`));
  await pictureAndJudge(page, 'graph-week');
});

test('the story of a check goes back page by page, to its beginning', async () => {
  const { fleet } = stage;
  const beganMs = Date.now() - 2 * hourMs;
  const count = 450;
  await fleet.meanwhile(({ store }) => {
    const transitions = Array.from({ length: count }, (_, index) => ({
      atMs: beganMs + index * 1_000,
      host: 'db-2',
      check: 'gone.check',
      from: index % 2 === 0 ? ('ok' as const) : ('critical' as const),
      to: index % 2 === 0 ? ('critical' as const) : ('ok' as const),
      type: 'hard' as const,
      attempt: 1,
      text: `change ${index}`,
      flapping: false,
      percent: 0,
      percentWithoutActions: 0,
      afterAction: false,
    }));
    store.save({ host: 'db-2', check: 'gone.check', transitions, events: [] });
  });
  const visitor = await stage.visitor('read');
  // It is no longer defined; its story is still told.
  visitor.expectFault(/404/);
  const page = await visitor.open('/incidents/db-2/gone.check');
  const story = page.locator('.timeline');
  await story.getByText(`change ${count - 1}`, { exact: true }).waitFor();
  const seen = new Set<string>();
  const pager = page.getByRole('navigation', { name: 'Pages' });
  const older = pager.getByRole('link', { name: 'Older' });
  for (;;) {
    const first = await story.locator('li').first().innerText();
    for (const [text] of (await story.innerText()).matchAll(/change \d+/g)) seen.add(text);
    if ((await older.count()) === 0) break;
    await older.click();
    await expect.poll(() => story.locator('li').first().innerText()).not.toBe(first);
    expect(await page.getByRole('heading', { name: 'What happened' }).isVisible()).toBe(true);
  }
  expect(seen.size).toBe(count);
  await pager.getByRole('link', { name: 'Newest' }).click();
  await story.getByText(`change ${count - 1}`, { exact: true }).waitFor();
});

test('a host that cannot be asked names those behind it once, and they name it', async () => {
  const { fleet } = stage;
  await Promise.all([fleet.hosts['web-1'].close(), fleet.hosts['web-2'].close()]);
  const visitor = await stage.visitor('read');
  const page = await visitor.open('/');
  const asked = page.locator('section', { has: page.getByRole('heading', { name: /^Cannot be asked/i }) });
  const row = asked.locator('[data-row="unreachable web-1"]');
  await row.getByText('1 host behind it: web-2').waitFor({ timeout: 40_000 });
  expect(await asked.locator('[data-row]').count()).toBe(1);
  expect(await page.locator('h1').first().innerText()).toContain('1 unreachable');
  await pictureAndJudge(page, 'unreachable');
  await row.getByRole('link', { name: 'web-1' }).click();
  await page.getByRole('heading', { name: 'web-1', exact: true }).waitFor();
  const facts = page.locator('.facts').first();
  await expect.poll(() => facts.innerText()).toMatch(/Behind it\s+web-2/);
  await facts.getByRole('link', { name: 'web-2' }).click();
  await page.getByRole('heading', { name: 'web-2', exact: true }).waitFor();
  await expect.poll(() => facts.innerText()).toMatch(/Cause\s+web-1 cannot be reached/);
  await page.goto(`${fleet.url}/incidents/web-1/host`);
  await page.locator('header .state', { hasText: 'UNREACHABLE' }).waitFor();
});
