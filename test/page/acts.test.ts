/** What a person does on the page really happens in the daemon, under their name, and never by a slip. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page, Route } from 'playwright-core';
import { expect, test } from 'vitest';
import { pictureAndJudge, Stage } from './support/browser.ts';
import { healedWorker, runsOf, type SeenApproval, waitingApproval } from './support/page-scenes.ts';

const stage = Stage.forFile();

interface SeenSuppression {
  kind: string;
  by: string;
  reason: string;
  match?: { hosts: string[]; checks: string[] };
}

async function suppressions(): Promise<SeenSuppression[]> {
  return (await stage.fleet.get<{ items: SeenSuppression[] }>('/api/v1/suppressions')).items;
}

async function approval(id: string): Promise<SeenApproval & { decidedBy?: string }> {
  return stage.fleet.get(`/api/v1/approvals/${encodeURIComponent(id)}`);
}

/** Ends a question so that the next test begins with another. */
async function calm(): Promise<void> {
  stage.fleet.say('db-1', 'space', 'ok');
  await stage.fleet.until('the disk has room and nobody is asked', async () => {
    const { items } = await stage.fleet.get<{ items: unknown[] }>('/api/v1/approvals?status=waiting');
    expect(items).toEqual([]);
    const { status } = await stage.fleet.get<{ status: { state: string } }>('/api/v1/checks/db-1/disk.space');
    expect(status.state).toBe('ok');
    const { run } = await stage.fleet.get<{ run?: unknown }>('/api/v1/hosts/db-1');
    expect(run).toBeUndefined();
  });
}

function noticed(page: Page, text: string | RegExp): Promise<void> {
  return page.locator('.notice', { hasText: text }).waitFor();
}

test('approving takes a second, deliberate step; then exactly what was shown runs', async () => {
  const { fleet } = stage;
  const asked = await waitingApproval(fleet);
  const visitor = await stage.visitor('act');
  const page = await visitor.open('/approvals');
  const row = page.locator(`[data-row="${asked.id}"]`);
  await row.focus();
  await page.keyboard.press('a');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('rm -f space.output && echo ok >space').waitFor();
  const dialogText = await dialog.innerText();
  expect(dialogText).toMatch(/how far it reaches/i);
  expect(dialogText).toContain('no other repair is open in the fleet');
  await pictureAndJudge(page, 'approve');
  // One slip is not enough: a key, a click, a short press.
  await dialog.getByLabel(/^Why/).press('Enter');
  await dialog.getByRole('button', { name: 'Hold: Approve' }).click();
  await dialog.getByLabel(/or type/).fill('db-2');
  expect((await approval(asked.id)).status).toBe('waiting');
  await dialog.getByLabel(/or type/).fill('db-1');
  await dialog.getByRole('button', { name: 'Approve' }).click();
  await noticed(page, 'Approved');
  await fleet.until('the approved run is verified', async () => {
    expect((await runsOf(fleet, 'db-1'))[0]).toMatchObject({ id: asked.id, status: 'verified' });
  });
  expect(await approval(asked.id)).toMatchObject({ status: 'approved', decidedBy: 'person:the act' });
  await page
    .locator(`[data-row="${asked.id}"]`, { hasText: 'approved' })
    .getByRole('link', { name: 'clean' })
    .click();
  await page.getByRole('heading', { name: 'clean on db-1' }).waitFor();
});

test('holding the button is the other second step', async () => {
  const asked = await waitingApproval(stage.fleet);
  const visitor = await stage.visitor('act');
  const page = await visitor.open('/incidents/db-1/disk.space');
  await page.getByRole('button', { name: /^Approve/ }).waitFor();
  await page.keyboard.press('a');
  await page.getByRole('dialog').getByLabel(/^Why/).fill('looked at it');
  const button = page.getByRole('dialog').getByRole('button', { name: 'Hold: Approve' });
  await button.hover();
  await page.mouse.down();
  await noticed(page, 'Approved');
  await page.mouse.up();
  await stage.fleet.until('it was approved', async () => {
    expect((await approval(asked.id)).status).toBe('approved');
  });
  await calm();
});

test('what is no longer what was read is refused with the reason, and nothing runs', async () => {
  const { fleet } = stage;
  const asked = await waitingApproval(fleet);
  const visitor = await stage.visitor('act');
  visitor.expectFault(/\b(412|409)\b/);
  const page = await visitor.open('/approvals');
  await page.getByRole('button', { name: /^Approve/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/or type/).fill('db-1');
  // While it is read, the trouble becomes another.
  fleet.say('db-1', 'space', 'warning');
  await fleet.until('the question is another', async () => {
    expect((await approval(asked.id)).tag).not.toBe(asked.tag);
  });
  await dialog.getByRole('button', { name: 'Approve' }).click();
  await dialog.getByRole('alert').getByText('Somebody was faster').waitFor();
  expect((await approval(asked.id)).status).toBe('waiting');

  // And somebody else answers first.
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /^Reject/ }).click();
  const { tag } = await approval(asked.id);
  const answered = await fleet.post(
    `/api/v1/approvals/${encodeURIComponent(asked.id)}/reject`,
    { reason: 'not tonight' },
    { 'if-match': `"${tag}"` },
  );
  expect(answered.status).toBe(200);
  await dialog.getByLabel('Why').fill('too late');
  await dialog.getByRole('button', { name: 'Reject' }).click();
  await dialog
    .getByRole('alert')
    .getByText(/not possible now|faster/)
    .waitFor();
  expect(await approval(asked.id)).toMatchObject({ status: 'rejected', decidedBy: 'person:the admin' });
  await calm();
});

test('what comes after the dialog was closed is told all the same, and closes no other', async () => {
  const asked = await waitingApproval(stage.fleet);
  const visitor = await stage.visitor('act');
  visitor.expectFault(/\b412\b/);
  const page = await visitor.open('/approvals');
  const dialog = page.getByRole('dialog');
  const path = '**/api/v1/approvals/*/approve';
  const approveAndClose = async (): Promise<() => Promise<void> | undefined> => {
    await page.getByRole('button', { name: /^Approve/ }).click();
    await dialog.getByLabel(/or type/).fill('db-1');
    const held: Route[] = [];
    await page.route(path, (route) => void held.push(route));
    await dialog.getByRole('button', { name: 'Approve' }).click();
    await dialog.getByRole('button', { name: 'Asking…' }).waitFor();
    await expect.poll(() => held.length).toBe(1);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    return () => held[0]?.continue();
  };
  const refuse = await approveAndClose();
  stage.fleet.say('db-1', 'space', 'warning');
  await stage.fleet.until('the question is another', async () => {
    expect((await approval(asked.id)).tag).not.toBe(asked.tag);
  });
  await refuse();
  await noticed(page, 'Approve: Somebody was faster');
  await page.unroute(path);
  await page.reload();
  const agree = await approveAndClose();
  await page.getByRole('button', { name: /^Reject/ }).click();
  await agree();
  await noticed(page, 'Approved');
  await dialog.getByRole('heading', { name: /^Do not run/ }).waitFor();
  await calm();
});

test('a silence is counted before it is made, holds at once, and can be ended', async () => {
  const visitor = await stage.visitor('ack');
  const page = await visitor.open('/silences');
  await page.getByRole('button', { name: 'New silence…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/^Hosts/).fill('web-*');
  await dialog.getByText('For 2 checks on 2 hosts').waitFor();
  await dialog.getByLabel(/^Labels/).fill('role=database');
  await dialog.getByText('covers no host').waitFor();
  await dialog.getByLabel(/^Labels/).fill('');
  await dialog.getByLabel(/^Hosts/).fill('db-1');
  await dialog.getByLabel(/^Checks/).fill('disk.*');
  await dialog.getByText('For 2 checks on 1 host').waitFor();
  await dialog.getByLabel('4 h').check();
  await dialog.getByLabel('Why').fill('moving the data');
  await dialog.getByRole('button', { name: 'Silence' }).click();
  await noticed(page, 'holds');
  const row = page.locator('[data-row]', { hasText: 'moving the data' });
  await row.waitFor();
  expect(await suppressions()).toMatchObject([
    {
      kind: 'silence',
      by: 'the ack',
      reason: 'moving the data',
      match: { hosts: ['db-1'], checks: ['disk.*'] },
    },
  ]);
  // The incident tells of it.
  const incident = await visitor.open('/incidents/db-1/disk.space');
  await incident.getByText('moving the data', { exact: true }).waitFor();
  await row.focus();
  await page.keyboard.press('x');
  await dialog.getByRole('button', { name: /^End/ }).click();
  await expect.poll(suppressions).toEqual([]);
  await page.getByText('Nothing is silenced').waitFor();
  await expect.poll(() => incident.getByText('moving the data', { exact: true }).count()).toBe(0);
});

test('a problem is acknowledged from its incident by a key, and its check is run now', async () => {
  const { fleet } = stage;
  fleet.say('db-1', 'hostile', 'critical');
  await fleet.until('it is critical', async () => {
    const { status } = await fleet.get<{ status: { state: string } }>('/api/v1/checks/db-1/disk.hostile');
    expect(status.state).toBe('critical');
  });
  await fleet.until('its route waits to tell it', async () => {
    const route = await fleet.get<{ ladders: { told: unknown[] }[] }>(
      '/api/v1/notify/route/db-1/disk.hostile',
    );
    expect(route.ladders.flatMap(({ told }) => told)).not.toEqual([]);
  });
  const visitor = await stage.visitor('act');
  const page = await visitor.open('/incidents/db-1/disk.hostile');
  await page.getByRole('button', { name: /^Acknowledge/ }).waitFor();
  await page.getByText('pager ◌ is not told yet, by the route disks; held: grouping').waitFor();
  await page.keyboard.press('c');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Why').fill('on it');
  await dialog.getByLabel('Why').press('Enter');
  await noticed(page, 'Acknowledged');
  await page.getByText('on it', { exact: true }).waitFor();
  expect(await suppressions()).toMatchObject([{ kind: 'acknowledgement', by: 'the act', reason: 'on it' }]);
  fleet.say('db-1', 'hostile', 'ok');
  await page.keyboard.press('r');
  await noticed(page, /is ok/);
  await page.locator('header .state', { hasText: 'OK' }).waitFor();
  // It ends with the problem.
  await expect.poll(suppressions).toEqual([]);
});

test('an open run is closed from its screen', async () => {
  const { fleet } = stage;
  const before = (await runsOf(fleet, 'web-2')).length;
  fleet.hosts['web-2'].breakWorker('broken');
  let id = '';
  await fleet.until('a restart waits for its verification', async () => {
    const [run] = await runsOf(fleet, 'web-2');
    expect((await runsOf(fleet, 'web-2')).length).toBeGreaterThan(before);
    expect(run?.status).toBe('verifying');
    id = run?.id ?? '';
  });
  const visitor = await stage.visitor('act');
  const page = await visitor.open('/');
  const row = page.locator(`[data-row="run ${id}"]`);
  const dialog = page.getByRole('dialog');
  for (const [key, title] of [
    ['x', /^Close queue.restart/],
    ['e', /^Why/],
  ] as const) {
    await row.focus();
    await page.keyboard.press(key);
    await dialog.getByRole('heading', { name: title }).waitFor();
    await page.keyboard.press('Escape');
  }
  await page.keyboard.press('r');
  await noticed(page, /is critical/);
  await row.getByRole('button', { name: 'Cancel…' }).click();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  const openRun = page.getByRole('link', { name: /restart/ });
  for (const [path, link] of [
    ['/hosts', page.locator('[data-row="web-2"]').locator(openRun)],
    ['/hosts/web-2', page.locator('.facts').first().locator(openRun)],
  ] as const) {
    await page.goto(`${fleet.url}${path}`);
    await link.click();
    await page.getByRole('heading', { name: 'restart on web-2' }).waitFor();
  }
  await page.getByRole('button', { name: 'Close…' }).click();
  await dialog.getByLabel('Why (may be left out)').fill('it was rebooted by hand');
  await dialog.getByRole('button', { name: 'Close the run' }).click();
  await noticed(page, 'Closed');
  await page.locator('header .state', { hasText: 'inconclusive' }).waitFor();
  expect((await runsOf(fleet, 'web-2')).find((run) => run.id === id)?.status).toBe('inconclusive');
  await page.getByText('closed by the act: it was rebooted by hand').first().waitFor();
  await fleet.hosts['web-2'].reboot();
});

test('pause by key with a reason, everything says so, and resume', async () => {
  const visitor = await stage.visitor('act');
  const page = await visitor.open('/runs');
  await page.getByRole('button', { name: /^Pause all/ }).waitFor();
  await page.keyboard.press('P');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Why').fill('moving house');
  await dialog.getByRole('button', { name: 'Pause' }).click();
  await noticed(page, 'paused');
  await page.locator('.chip', { hasText: 'automation PAUSED' }).waitFor();
  const { automation } = await stage.fleet.get<{ automation: { paused?: { by: string; reason: string } } }>(
    '/api/v1/now',
  );
  expect(automation.paused).toMatchObject({ by: 'the act', reason: 'moving house' });
  await page.keyboard.press('P');
  await dialog.getByRole('heading', { name: 'Go on with actions?' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Resume' }).click();
  await dialog.getByRole('button', { name: 'Resume' }).click();
  await noticed(page, 'goes on');
  await healedWorker(stage.fleet, 'web-1');
});

test('an action is run by hand: first exactly what it would do and which gates are closed, then deliberately', async () => {
  const { fleet } = stage;
  const before = (await runsOf(fleet, 'web-1')).length;
  const reader = await stage.visitor('ack');
  const theirs = await reader.open('/hosts/web-1');
  await theirs.getByRole('heading', { name: 'Runs' }).waitFor();
  expect(await theirs.getByRole('button', { name: 'Run an action…' }).count()).toBe(0);

  const visitor = await stage.visitor('act');
  const page = await visitor.open('/hosts/web-1');
  await page.getByRole('button', { name: 'Run an action…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('.command', { hasText: 'systemctl restart -- queue-worker' }).waitFor();
  await dialog.getByText('Closed for rules, not for a person').waitFor();
  await dialog.getByText(/^What each of the \d+ gates says/).click();
  await pictureAndJudge(page, 'run-action');
  // What is shown is what would run, also after an edit meanwhile.
  const runbook = 'runbooks/queue.yaml';
  const queue = readFileSync(join(fleet.repository.work, runbook), 'utf8');
  for (const unit of ['queue-other', 'queue-worker']) {
    const text = queue.replace('systemd_restart: queue-worker', `systemd_restart: ${unit}`);
    fleet.repository.push({ [runbook]: text }, `Restart ${unit}`);
    expect((await fleet.post('/api/v1/reload', {})).status).toBe(200);
    await dialog
      .locator('.command', { hasText: `systemctl restart -- ${unit}` })
      .waitFor({ timeout: 20_000 });
  }
  await dialog.getByLabel('Why').fill('a new queue');
  await dialog.getByLabel('Why').press('Enter');
  expect((await runsOf(fleet, 'web-1')).length).toBe(before);
  await dialog.getByLabel(/or type/).fill('web-1');
  await dialog.getByRole('button', { name: 'Run it' }).click();
  await noticed(page, 'Started: queue.restart on web-1');
  await page.locator('[data-row]', { hasText: 'restart on web-1' }).first().waitFor();
  await fleet.until('it was done under their name', async () => {
    const [run] = await runsOf(fleet, 'web-1');
    expect(run).toMatchObject({
      action: 'queue.restart',
      decidedBy: 'person:the act',
      reason: 'a new queue',
    });
  });

  // Paused: nobody acts, and the page says why before anybody tries.
  await fleet.post('/api/v1/pause', { reason: 'moving house' });
  await page.goto(`${fleet.url}/incidents/db-1/disk.space`);
  await page.getByRole('button', { name: 'Run an action…' }).click();
  await dialog.getByText('A closed gate would stop it').waitFor();
  expect(await dialog.getByRole('button', { name: /Run it/ }).count()).toBe(0);
  await dialog.getByLabel('Action').selectOption('disk.page');
  await dialog.getByText('pager').first().waitFor();
  await page.keyboard.press('Escape');
  await fleet.post('/api/v1/resume', {});
});

test('definitions: a bad push is named by file and line, a large one is held, and one can go back', async () => {
  const { repository } = stage.fleet;
  const visitor = await stage.visitor('admin');
  visitor.expectFault(/\b(409|422)\b/);
  const page = await visitor.open('/definitions');
  const reload = async (): Promise<void> => {
    await page.getByRole('button', { name: 'Reload…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Reload' }).click();
  };
  const first = repository.git('rev-list', '--max-parents=0', 'HEAD');
  repository.push({ 'runbooks/more.yaml': 'runbook: more\nhosts: [db-2]\nevry: 1m\n' }, 'Break it');
  await reload();
  await page.getByRole('dialog').getByRole('alert').getByText('have problems').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.problems').getByText('runbooks/more.yaml:3').waitFor();
  await page.locator('.state', { hasText: 'the newest are not in force' }).waitFor();

  const more = 'runbook: more\nhosts: [db-2]\nevery: 1h\nchecks:\n  a: { run: "true" }\n';
  repository.push({ 'runbooks/more.yaml': more }, 'Mend it');
  await page.getByRole('button', { name: /What would a reload change/ }).click();
  await page.getByRole('dialog').getByText('more.a').waitFor();
  await page.keyboard.press('Escape');
  await reload();
  await noticed(page, 'is in force');
  await page.getByText('Mend it').first().waitFor();

  const hosts = repository.git('show', 'HEAD:hosts/all.yaml');
  const fewer = hosts.split('\n').filter((line) => !line.includes('db-'));
  repository.push(
    {
      'hosts/all.yaml': `${fewer.join('\n')}\n`,
      'runbooks/more.yaml': undefined,
      'runbooks/disk.yaml': undefined,
    },
    'Drop the databases',
  );
  await reload();
  await page.getByRole('dialog').getByRole('alert').waitFor();
  await expect
    .poll(() => page.getByRole('dialog').getByRole('alert').innerText())
    .toContain('wait for a person');
  await page.keyboard.press('Escape');
  await page.getByText('The newest definitions wait for a person').waitFor();
  await page.goto(`${stage.fleet.url}/`);
  await page.getByRole('link', { name: 'Look' }).click();
  await page.waitForURL(/\/definitions$/);
  await page.getByRole('button', { name: 'Let them in…' }).click();
  const dialog = page.getByRole('dialog');
  const word = await dialog.locator('code').first().innerText();
  await dialog.getByLabel(/or type/).fill(word);
  await dialog.getByRole('button', { name: 'Let them in' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByText('Drop the databases').first().waitFor();

  await page.locator('[data-row]', { hasText: 'Watch the first hosts' }).getByRole('button').click();
  await dialog.getByLabel('Why').fill('they are needed');
  await dialog.getByLabel(/or type/).fill(first.slice(0, 7));
  await dialog.getByRole('button', { name: 'Go back' }).click();
  await page.getByText('The definitions were rolled back').waitFor();
  expect(await page.locator('main').innerText()).toContain('they are needed');

  await page.getByRole('button', { name: 'Follow the branch again…' }).click();
  await dialog.getByLabel('Why').fill('they were not');
  await dialog.getByLabel(/or type/).fill('resume');
  await dialog.getByRole('button', { name: 'Follow it' }).click();
  await dialog.getByRole('alert').getByText('wait for a person').waitFor();
  await page.keyboard.press('Escape');
  await expect.poll(() => page.getByText('The definitions were rolled back').count()).toBe(0);
});
