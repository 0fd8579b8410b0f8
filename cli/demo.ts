/**
 * `mendd demo`: a daemon, three embedded SSH hosts and a story told line by line. With --once it plays the episodes and its exit
 * code says whether they ended as told.
 */
import { constants } from 'node:os';
import { emitKeypressEvents } from 'node:readline';
import { loadDefinitions } from '../config/load.ts';
import { formatProblem } from '../config/problems.ts';
import { exitCodes, MenddError } from '../core/errors.ts';
import type { StoredEvent } from '../core/types.ts';
import { type App, startApp } from '../daemon/app.ts';
import { systemClock } from '../daemon/clock.ts';
import { createLog } from '../daemon/log.ts';
import { type DemoFleet, type DemoHostName, demoHostNames, startDemoFleet } from './demo-fleet.ts';
import { type Episode, episodes, type Stage, Watch } from './demo-story.ts';
import { terminalColors } from './output.ts';

const pc = terminalColors();

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Exit code: 0 when the episodes ended as told. */
export async function demo(once: boolean): Promise<number> {
  const startedMs = performance.now();
  const tell = (line: string): void => {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(6);
    say(`${pc.dim(`${seconds} s`)}  ${line}`);
  };
  const fleet = await startDemoFleet((subject) => tell(`${pc.magenta('pager')}   ${subject}`));
  let app: App | undefined;
  // Until the keys are read there is nothing to end but the files, which hold a key of SSH.
  const leave = (signal: NodeJS.Signals): void => {
    fleet.removeFiles();
    process.exit(128 + constants.signals[signal]);
  };
  process.once('SIGINT', leave).once('SIGTERM', leave);
  try {
    app = await startDemoDaemon(fleet);
    app.daemon.onEvent((event) => {
      const line = lineOf(event);
      if (line !== undefined) tell(line);
    });
    const { host, port } = app.address;
    say(`${pc.bold('mendd demo')}: three SSH hosts on loopback, one daemon, one pager.`);
    say(`Page and API: ${pc.underline(`http://${host}:${port}/`)}   Files: ${fleet.directory}`);
    // Gone with the demo; nobody but this machine can reach it.
    const visitor = app.daemon.tokens.create({ name: 'demo', scopes: ['admin'] }, 'demo', false);
    say(`Sign in there to do what a person may do, with ${pc.bold(visitor.secret ?? '')}\n`);
    const stage: Stage = { app, fleet, tell };
    const failed = await playAll(stage);
    if (once) return failed === 0 ? exitCodes.ok : exitCodes.failed;
    process.off('SIGINT', leave).off('SIGTERM', leave);
    await untilQuit(stage);
    return exitCodes.ok;
  } finally {
    await app?.stop();
    await fleet.close();
  }
}

async function startDemoDaemon(fleet: DemoFleet): Promise<App> {
  const loaded = loadDefinitions({ configFile: fleet.configFile });
  if (!loaded.ok) throw new MenddError('DEFINITIONS_INVALID', loaded.problems.map(formatProblem).join('\n'));
  return startApp({
    configFile: fleet.configFile,
    observe: false,
    ...loaded,
    clock: systemClock,
    log: createLog(loaded.definitions.daemon.log.level),
    random: Math.random,
  });
}

async function playAll(stage: Stage): Promise<number> {
  await Promise.all(demoHostNames.map((host) => untilWell(stage.app, host)));
  let failed = 0;
  for (const [index, episode] of episodes.entries()) {
    say(`\n${pc.bold(`Episode ${index + 1}: ${episode.title}`)} ${pc.dim(`(${episode.host})`)}`);
    if (!(await play(stage, episode))) failed += 1;
  }
  say(
    failed === 0
      ? `\n${pc.green('✔')} All three ended as told.`
      : `\n${pc.red('✘')} ${failed} did not end as told.`,
  );
  return failed;
}

async function play(stage: Stage, episode: Episode): Promise<boolean> {
  const watch = new Watch(stage.app, episode.host);
  try {
    say(`${pc.green('✔')} ${await episode.play(stage, watch)}`);
    return true;
  } catch (error) {
    say(`${pc.red('✘')} ${error instanceof Error ? error.message : String(error)}`);
    return false;
  } finally {
    watch.close();
  }
}

async function untilWell(app: App, host: DemoHostName): Promise<void> {
  const watch = new Watch(app, host);
  const isWell = (): boolean =>
    app.daemon.checks().some((check) => check.host === host && check.status.state === 'ok');
  if (!isWell()) await watch.until(`${host} is OK`, isWell);
  watch.close();
}

/** Holds of a second or two: they would only interrupt the story. */
const passing = ['attempts_not_reached', 'run_in_progress', 'no_fresh_result'];

/** One line of the story, or nothing for events that would only repeat it. */
function lineOf(event: StoredEvent): string | undefined {
  const host = pc.cyan((event.host ?? '').padEnd(6));
  const { to, text, outcome, action, reason, verdict, from } = event.data;
  const status = String(event.data['status']);
  const name = String(action).replace('queue.', '');
  switch (event.type) {
    case 'state.changed':
      if (from === to) return undefined;
      return `${host}  ${to === 'ok' ? pc.green('OK') : pc.red(String(to).toUpperCase())}  ${String(text)}`;
    case 'host.changed':
      return from === 'pending'
        ? undefined
        : `${host}  ${to === 'up' ? pc.green('up') : pc.yellow(String(to))}  ${String(text)}`;
    case 'decision.made':
      if (verdict !== 'held' || passing.includes(String(reason))) return undefined;
      return `${host}  ${pc.yellow(`${name} held`)}: ${String(reason)}`;
    case 'action.intended':
      return `${host}  ${pc.bold(name)} intended: ${String(reason)}`;
    case 'action.started':
      return `${host}  ${pc.bold(name)} sent`;
    case 'action.ended':
      return `${host}  ${(status === 'verified' || status === 'done' ? pc.green : pc.yellow)(`${name} ${status}`)}: ${String(outcome)}`;
    case 'automation.paused':
    case 'automation.resumed':
      return `${pc.yellow(event.type)}  checks go on`;
    default:
      return undefined;
  }
}

/** Keys: b breaks a worker, p pauses and resumes, q quits. */
async function untilQuit(stage: Stage): Promise<void> {
  const { app, fleet, tell } = stage;
  say(`\nKeys: ${pc.bold('b')} break something · ${pc.bold('p')} pause or resume · ${pc.bold('q')} quit`);
  const { stdin } = process;
  emitKeypressEvents(stdin);
  if (stdin.isTTY) stdin.setRawMode(true);
  let turn = 0;
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
    stdin.on('end', resolve);
    stdin.on('keypress', (_text: string, key: { name?: string; ctrl?: boolean }) => {
      if (key.name === 'q' || (key.ctrl === true && key.name === 'c')) resolve();
      if (key.name === 'b') {
        const name = demoHostNames[turn % demoHostNames.length] ?? 'web-1';
        turn += 1;
        tell(`${pc.cyan(name)}  you broke its worker`);
        fleet.hosts[name].breakWorker('crash');
      }
      if (key.name === 'p') {
        if (app.daemon.now().automation.paused === undefined)
          app.daemon.pause({ by: 'you', reason: 'key p' });
        else app.daemon.resume('you');
      }
    });
  });
  if (stdin.isTTY) stdin.setRawMode(false);
  stdin.pause();
}
