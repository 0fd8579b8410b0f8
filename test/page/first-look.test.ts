/** The page before anybody does anything: what paints it, what moves, and what strangers see. */
import { expect, test } from 'vitest';
import { pictureAndJudge, Stage } from './support/browser.ts';

const stage = Stage.forFile();

test('one answer paints the first screen, and one tells who is at it', async () => {
  const visitor = await stage.visitor('read');
  visitor.expectFault(/ERR_FAILED|Failed to load/);
  await visitor.context.route(
    ({ pathname }) => pathname.startsWith('/api/') && !/\/(now|session)$/.test(pathname),
    (route) => route.abort(),
  );
  const page = await visitor.open('/');
  await page.getByRole('heading', { name: /OK/ }).first().waitFor();
  await page
    .getByText(/checks? on 4 hosts/)
    .first()
    .waitFor();
});

test('nothing moves where motion is not wanted', async () => {
  const visitor = await stage.visitor('read');
  const page = await visitor.open('/');
  await page.getByText(/live/).first().waitFor();
  const moving = () => page.evaluate<number>('document.getAnimations().length');
  expect(await moving()).toBe(0);
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  await expect.poll(moving).toBeGreaterThan(0);
});

test('strangers see how the groups are, and no more', async () => {
  const visitor = await stage.visitor();
  const page = await visitor.open('/status');
  await page.getByRole('heading', { name: 'Example services' }).waitFor();
  await page.getByText('worker').first().waitFor();
  await pictureAndJudge(page, 'public-status');
  expect(await page.locator('main, body').first().innerText()).not.toMatch(/web-1|systemctl|queue-worker/);
  await page.goto(`${stage.fleet.url}/badges/all.svg`);
  expect(await page.locator('svg').textContent()).toContain('Example services');
});
