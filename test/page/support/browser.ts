/**
 * A real Chromium for the tests of the page, and what every test of it must hold whatever it is about: a console without
 * errors, no request to any other host, nothing refused that the test did not name.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page, type Response } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { PageFleet, type PersonScope } from './page-fleet.ts';
import { UsedControls } from './used-controls.ts';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pictures = fileURLToPath(new URL('../../../test-artefacts/page', import.meta.url));
const desktop = { width: 1280, height: 800 };
/** The smallest phone in wide use. */
const phone = { width: 390, height: 844 };

/** Chromium of this machine, once for a file, with the world it looks at. */
export class Stage {
  #browser: Browser | undefined;
  #fleet: PageFleet | undefined;
  #controls: UsedControls | undefined;

  /** Call it at the top of a test file. `brake`: as the daemon's file has it. */
  static forFile(brake?: string): Stage {
    const stage = new Stage();
    beforeAll(async () => {
      stage.#controls = new UsedControls(expect.getState().testPath ?? '');
      const [browser, fleet] = await Promise.all([
        chromium.launch({ executablePath: program(), args: ['--no-sandbox', '--disable-gpu'] }),
        PageFleet.start(brake),
      ]);
      stage.#browser = browser;
      stage.#fleet = fleet;
    });
    afterAll(async () => {
      await stage.#browser?.close();
      await stage.#fleet?.remove();
      expect(stage.#controls?.end(), 'keys and controls that no test of the page used').toEqual([]);
    });
    return stage;
  }

  get fleet(): PageFleet {
    if (this.#fleet === undefined) throw new Error('the fleet did not start');
    return this.#fleet;
  }

  /** A person with a browser profile of their own; without a scope nobody is signed in. Ends with the test. */
  async visitor(
    scope?: PersonScope,
    options: { width?: 'desktop' | 'phone'; locale?: string } = {},
  ): Promise<Visitor> {
    if (this.#browser === undefined) throw new Error('Chromium did not start');
    const context = await this.#browser.newContext({
      viewport: options.width === 'phone' ? phone : desktop,
      reducedMotion: 'reduce',
      timezoneId: 'UTC',
      locale: options.locale ?? 'en-GB',
    });
    context.setDefaultTimeout(15_000);
    await this.#controls?.follow(context);
    const visitor = new Visitor(context, this.fleet);
    onTestFinished(async ({ task }) => {
      if (task.result?.state === 'fail') await visitor.keepPictures(task.name);
      await visitor.leave();
    });
    if (scope !== undefined) {
      const answer = await context.request.post(`${this.fleet.url}/api/v1/session`, {
        data: { token: this.fleet.token(scope) },
      });
      if (!answer.ok()) throw new Error(`sign-in: ${answer.status()} ${await answer.text()}`);
    }
    return visitor;
  }
}

const programs = ['chromium', 'chromium-browser', 'google-chrome'];

/** What `CHROMIUM` names, else the first of the usual names on this machine. */
function program(): string {
  const named = process.env['CHROMIUM'];
  if (named !== undefined) return named;
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(':')];
  const found = programs
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((file) => existsSync(file));
  if (found === undefined) throw new Error('There is no Chromium: node scripts/page-ready.mjs installs it.');
  return found;
}

export class Visitor {
  readonly context: BrowserContext;
  readonly #fleet: PageFleet;
  readonly #faults: string[] = [];
  readonly #allowed: RegExp[] = [];

  constructor(context: BrowserContext, fleet: PageFleet) {
    this.context = context;
    this.#fleet = fleet;
    context.on('weberror', (error) =>
      this.#faults.push(`thrown: ${error.error().stack ?? String(error.error())}`),
    );
    context.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        this.#faults.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
    });
    context.on('request', (request) => {
      const { protocol, host } = new URL(request.url());
      if (protocol === 'data:' || protocol === 'blob:') return;
      if (host !== new URL(fleet.url).host) this.#faults.push(`asked another host: ${request.url()}`);
    });
    context.on('response', (response) => this.#judge(response));
  }

  /** A tab at that path of the page. */
  async open(path: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(`${this.#fleet.url}${path}`);
    return page;
  }

  /** Of what else would be a fault: the test means it to happen. */
  expectFault(fault: RegExp): void {
    this.#allowed.push(fault);
  }

  /** What they saw when the test failed. */
  async keepPictures(name: string): Promise<void> {
    const file = name.replaceAll(/\W+/g, '-').slice(0, 60);
    for (const [index, page] of this.context.pages().entries())
      await page.screenshot({ path: join(pictures, `failed-${file}-${index}.png`), fullPage: true });
  }

  async leave(): Promise<void> {
    await this.context.close();
    const faults = this.#faults.filter((fault) => !this.#allowed.some((allowed) => allowed.test(fault)));
    expect(faults, 'what the browser complained about').toEqual([]);
  }

  #judge(response: Response): void {
    if (response.status() < 400) return;
    this.#faults.push(`answered ${response.status()}: ${response.request().method()} ${response.url()}`);
  }
}

interface Violation {
  id: string;
  help: string;
  nodes: { html: string; failureSummary?: string }[];
}

/** axe-core's whole rule set on the page as it stands. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  await page.evaluate(axeSource);
  const violations = await page.evaluate<Violation[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)`,
  );
  const told = violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n  ${nodes.map(({ html, failureSummary }) => `${html}\n    ${failureSummary ?? ''}`).join('\n  ')}`,
  );
  expect(told, `axe on ${what}`).toEqual([]);
}

/** Runs in the page: waits until it was drawn anew. */
const drawn = `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))`;

/** Runs in the page: what is wider than the window, by its first characters. */
const sticksOut = `(() => {
  const dialog = document.querySelector('dialog');
  if (dialog !== null && dialog.scrollWidth > dialog.clientWidth) return ['the dialog: ' + dialog.scrollWidth + ' > ' + dialog.clientWidth];
  const limit = document.documentElement.clientWidth;
  const width = document.documentElement.scrollWidth;
  if (width <= limit) return [];
  const found = [...document.querySelectorAll('body *')].filter((each) => each.getBoundingClientRect().right > limit + 0.5);
  return [width + ' > ' + limit, ...found.slice(0, 5).map((each) => each.outerHTML.slice(0, 120))];
})()`;

/** Nothing sticks out to the right. */
export async function expectNoSidewaysScroll(page: Page, what: string): Promise<void> {
  const wide = await page.evaluate<string[]>(sticksOut);
  expect(wide, `scrolls sideways: ${what}`).toEqual([]);
}

/**
 * Pictures of the screen, dark, light, on a phone and without colour, to look at; on the way axe-core judges both themes and the
 * phone's width.
 */
export async function pictureAndJudge(page: Page, name: string): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  // What sticks to the top of the window would stand in the middle of the picture.
  await page.evaluate('scrollTo(0, 0)');
  const shoot = (kind: string) =>
    page.screenshot({ path: join(pictures, `${name}-${kind}.png`), fullPage: true });
  const session = await page.context().newCDPSession(page);
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(drawn);
    await expectAccessible(page, `${name}, ${colorScheme}`);
    await shoot(colorScheme);
  }
  await session.send('Emulation.setEmulatedVisionDeficiency', { type: 'achromatopsia' });
  await shoot('greyscale');
  await session.send('Emulation.setEmulatedVisionDeficiency', { type: 'none' });
  await page.setViewportSize(phone);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.evaluate(drawn);
  await expectNoSidewaysScroll(page, `${name}, phone`);
  await expectAccessible(page, `${name}, phone`);
  await shoot('phone');
  await page.setViewportSize(desktop);
  await session.detach();
}
