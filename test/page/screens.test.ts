/** Every screen over the same incident: what it tells, that it is a URL, both themes, a phone, and axe-core's judgement. */
import { expect, onTestFinished, test } from 'vitest';
import { expectAccessible, expectNoSidewaysScroll, pictureAndJudge, Stage } from './support/browser.ts';
import { healedWorker, waitingApproval } from './support/page-scenes.ts';

const stage = Stage.forFile();

test('runs: what was done and, if wanted, what was held back; one run with its command, gates and story', async () => {
  const run = await healedWorker(stage.fleet, 'web-1');
  const visitor = await stage.visitor();
  const page = await visitor.open('/runs');
  const row = page.locator(`[data-row="${run.id}"]`);
  await row.waitFor();
  expect(await row.innerText()).toContain('verified');
  await pictureAndJudge(page, 'runs');

  await page.getByLabel('Also what was held back').check();
  await page.locator('[data-row^="held "]').first().waitFor();
  expect(new URL(page.url()).search).toBe('?held=1');
  await page.getByLabel('Host').fill('db-1');
  await page.keyboard.press('Enter');
  await page.waitForURL(/host=db-1/);
  await expect.poll(() => page.locator(`[data-row="${run.id}"]`).count()).toBe(0);
  await page.goBack();
  await page.goto(`${stage.fleet.url}/runs`);

  await row.getByRole('link', { name: 'restart' }).click();
  await page.waitForURL(/\/runs\/web-1~/);
  await page.getByRole('heading', { name: 'restart on web-1' }).waitFor();
  const text = await page.locator('main').innerText();
  expect(text).toContain('systemctl restart -- queue-worker');
  expect(text).toContain('the check is OK again and stayed OK');
  expect(text).toMatch(/All \d+ gates passed/);
  await page.getByText(/All \d+ gates passed/).click();
  expect(await page.getByRole('table').innerText()).toContain('cooldown');
  await pictureAndJudge(page, 'run');
  await page.getByRole('link', { name: /Incident queue\.worker/ }).click();
  await page.waitForURL(/\/incidents\/web-1\/queue.worker/);
  const told = page.locator('.timeline > li.run').first();
  expect(await told.innerText()).toContain('systemctl restart -- queue-worker');
  await told.getByText('Output, gates and verification').click();
  await told.getByRole('heading', { name: 'Exact command' }).waitFor();
  expect(await told.innerText()).toMatch(/All \d+ gates passed/);
});

test('hosts: the list with filters in the URL; one host with checks, facts, origin and runs', async () => {
  const visitor = await stage.visitor();
  const page = await visitor.open('/hosts');
  await page.locator('[data-row="db-2"]').waitFor();
  expect(await page.locator('[data-row]').count()).toBe(4);
  // Nothing is checked there, so nothing is awaited.
  expect(await page.locator('[data-row="db-2"]').innerText()).toContain('NOT CHECKED');
  await pictureAndJudge(page, 'hosts');
  await page.getByLabel('Label').fill('role=worker');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('[data-row]').count()).toBe(2);
  expect(page.url()).toContain('label=role%3Dworker');
  await page.reload();
  await expect.poll(() => page.locator('[data-row]').count()).toBe(2);

  await page.getByRole('link', { name: 'web-2', exact: true }).click();
  await page.getByRole('heading', { name: 'web-2', exact: true }).waitFor();
  await page.locator('[data-row="queue.worker"]').waitFor();
  await page.getByText('Reached through').waitFor();
  await page.getByText(/values$/).click();
  const text = await page.locator('main').innerText();
  expect(text).toContain('127.0.0.1');
  expect(text).toContain('hosts/all.yaml');
  expect(text).toMatch(/Reached through\s+web-1/i);
  await page.getByText(/^builtin: /).click();
  await pictureAndJudge(page, 'host');
});

test('incident: state, what comes next, the graph with its limits and table, the story, and why then', async () => {
  const { fleet } = stage;
  await waitingApproval(fleet);
  const visitor = await stage.visitor('act');
  const page = await visitor.open('/incidents/db-1/disk.space');
  await page.getByRole('heading', { name: 'db-1 › disk.space' }).waitFor();
  await page.locator('.graph canvas').waitFor();
  const legend = await page.locator('.legend').innerText();
  expect(legend).toContain('88%');
  expect(legend).toContain('warning at 80');
  expect(legend).toContain('critical at 95');
  await page.getByText(/As a table/).click();
  expect(await page.getByRole('region', { name: 'Values' }).getByRole('row').count()).toBeGreaterThan(1);
  const next = page.locator('section', { hasText: 'What comes next' });
  await next.getByText('clean is held: approval wanted').first().waitFor();
  const story = page.locator('.timeline');
  await story.locator('.state', { hasText: 'CRITICAL' }).first().waitFor();
  await pictureAndJudge(page, 'incident');

  await story.getByRole('link', { name: 'Why then?' }).first().click();
  await page.getByRole('heading', { name: 'Why then' }).waitFor();
  expect(page.url()).toContain('at=');
  await page.getByText('from the stored decisions').waitFor();
  await page.getByRole('link', { name: 'Back to now' }).click();
  await page.getByRole('heading', { name: 'What comes next' }).waitFor();

  await page.getByLabel('Figure', { exact: true }).selectOption('inodes');
  await page.locator('.legend', { hasText: 'inodes' }).waitFor();
  await page.getByLabel('How far back').selectOption('1d');
  await page.locator('.legend', { hasText: 'the mean of each step' }).waitFor();
  expect(new URL(page.url()).search).toBe('?figure=inodes&range=1d');
});

test('the trouble of a host itself is an incident too, and what does not exist says so', async () => {
  const visitor = await stage.visitor('read');
  const page = await visitor.open('/incidents/web-2/host');
  await page.getByRole('heading', { name: 'web-2' }).waitFor();
  await page.locator('header .state', { hasText: 'UP' }).waitFor();
  await page.getByRole('heading', { name: 'What comes next' }).waitFor();
  await expect.poll(() => page.getByText('Loading…').count()).toBe(0);
  visitor.expectFault(/\b404\b/);
  for (const path of ['/hosts/nobody', '/runs/nothing', '/incidents/db-1/nothing.here', '/nowhere']) {
    await page.goto(`${stage.fleet.url}/`);
    await page.evaluate(
      `history.pushState(null, '', '${path}'); dispatchEvent(new PopStateEvent('popstate'))`,
    );
    await page
      .locator('main')
      .getByText(/Not shown|Nothing here/)
      .first()
      .waitFor();
    await expectAccessible(page, path);
  }
  await page.getByRole('link', { name: 'Back to Now' }).click();
  await page.waitForURL(`${stage.fleet.url}/`);
});

test('approvals: the question with its exact command, and what was settled', async () => {
  await waitingApproval(stage.fleet);
  const visitor = await stage.visitor('act');
  const page = await visitor.open('/approvals');
  const row = page.locator('[data-row^="db-1~disk.clean"]').first();
  await row.waitFor();
  expect(await row.innerText()).toContain('rm -f space.output && echo ok >space');
  await pictureAndJudge(page, 'approvals');
});

test('silences: what is laid upon actions', async () => {
  const { fleet } = stage;
  const made = await fleet.post('/api/v1/downtimes', {
    match: { labels: { role: 'database' } },
    reason: 'new disks',
    for: '2h',
  });
  expect(made.status).toBe(200);
  const visitor = await stage.visitor('ack');
  const page = await visitor.open('/silences');
  await page.getByText('new disks').waitFor();
  await pictureAndJudge(page, 'silences');
  await page.getByRole('button', { name: 'New silence…' }).click();
  await page.getByRole('dialog').waitFor();
  await pictureAndJudge(page, 'silence-form');
});

test('definitions: commit, source and when it was loaded', async () => {
  const visitor = await stage.visitor('admin');
  const page = await visitor.open('/definitions');
  await page.getByText('Watch the first hosts').first().waitFor();
  const text = await page.locator('main').innerText();
  expect(text).toContain('the newest are in force');
  expect(text).toContain('definitions.git');
  await pictureAndJudge(page, 'definitions');
});

test('a host without checks does not wait for ever: it says so wherever it stands', async () => {
  const visitor = await stage.visitor('read');
  const page = await visitor.open('/');
  const tally = page.locator('.tally');
  await tally.getByText('1 NOT CHECKED').waitFor();
  expect(await tally.innerText()).not.toContain('PENDING');
  await page.locator('.fleet').getByRole('link', { name: /db-2/ }).click();
  await page.locator('header .state', { hasText: 'NOT CHECKED' }).waitFor();
  await page.getByText('Nothing is checked here.').waitFor();
});

test('long names and words without an end stay on the screen, on a phone too', async () => {
  const { fleet } = stage;
  const { repository } = fleet;
  const long = `a-${'very-'.repeat(8)}long-name.${'department-'.repeat(3)}of.example.org`;
  const host = `  ${long}: { address: 127.0.0.1, port: 1, labels: { role: ${'x'.repeat(60)} } }`;
  const check = 'a-long-name-of-a-check-that-somebody-thought-of';
  const hosts = repository.git('show', 'HEAD:hosts/all.yaml');
  repository.push(
    {
      'hosts/all.yaml': `${hosts}\n${host}\n`,
      'runbooks/long.yaml': `runbook: long\nhosts: [db-1, "${long}"]\nevery: 1s\nchecks:\n  ${check}: { run: "echo ${'nospace'.repeat(60)}; exit 2", max_attempts: 1 }\n`,
    },
    'w'.repeat(120),
  );
  expect((await fleet.post('/api/v1/reload', {})).status).toBe(200);
  await fleet.until('the host cannot be asked and the check is critical', async () => {
    const { status } = await fleet.get<{ status: { state: string } }>(`/api/v1/hosts/${long}`);
    expect(status.state).toBe('unreachable');
    const found = await fleet.get<{ status: { state: string } }>(`/api/v1/checks/db-1/long.${check}`);
    expect(found.status.state).toBe('critical');
  });
  const visitor = await stage.visitor('admin', { width: 'phone' });
  const page = await visitor.open('/');
  for (const path of ['/', '/hosts', `/hosts/${long}`, `/incidents/db-1/long.${check}`, '/definitions']) {
    await page.goto(`${fleet.url}${path}`);
    await page.locator('main').getByRole('heading').first().waitFor();
    await expect.poll(() => page.getByText('Loading…').count()).toBe(0);
    await expectNoSidewaysScroll(page, path);
  }
});

test('a list that is not whole says so, and names the command that is', async () => {
  const { fleet } = stage;
  await fleet.post('/api/v1/silences', { match: { hosts: ['db-2'] }, reason: 'quiet', for: '1h' });
  const visitor = await stage.visitor('read');
  await visitor.context.route(/\/api\/v1\/(approvals|suppressions|checks|messages)\?/, async (route) => {
    const response = await route.fetch();
    // The page has it, as it was changed here.
    if (response.status() === 304) return route.fulfill({ response });
    const page = (await response.json()) as object;
    return route.fulfill({ response, json: { ...page, next: 'more' } });
  });
  // What is still asked when the test ends is nobody's fault.
  onTestFinished(() => visitor.context.unrouteAll({ behavior: 'ignoreErrors' }));
  for (const [place, command] of [
    ['/approvals', 'mendd approvals'],
    ['/silences', 'mendd silence list; mendd downtime list; mendd ack'],
    ['/hosts/db-2', 'mendd checks --host db-2'],
    ['/?show=undelivered/dead', 'mendd notify outbox --status dead'],
  ] as const) {
    const page = await visitor.open(place);
    const note = page.locator('.note', { hasText: 'Not all: these are' });
    await note.first().waitFor();
    await expect.poll(async () => (await note.allInnerTexts()).join()).toContain(command);
  }
});
