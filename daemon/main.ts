/**
 * Starts the daemon and ends it well: load, open, serve, wait for a signal, stop. Everything else lives in daemon/app.ts.
 */
import './utc.ts';
import { type App, startApp } from './app.ts';
import { systemClock } from './clock.ts';
import { loadAtStart } from './load-at-start.ts';
import { createLog, type Log } from './log.ts';
import { sdNotify, watchdogIntervalMs } from './sd-notify.ts';

export interface ServeOptions {
  configFile: string;
  /** Decide and record, never act. */
  observe: boolean;
}

/** Runs until a signal ends it. Errors: MenddError for everything a person can mend. */
export async function serve(options: ServeOptions): Promise<void> {
  const stopped = stopSignal();
  const reloads = reloadSignals();
  const loaded = await loadAtStart(options.configFile, systemClock, stopped);
  const log = createLog(loaded.definitions.daemon.log.level);
  for (const warning of loaded.warnings) log.warn(warning);
  const app = await startApp({
    ...options,
    ...loaded,
    clock: systemClock,
    log,
    random: Math.random,
  });
  sdNotify(log, 'READY=1', `STATUS=API at ${app.address.host}:${app.address.port}`);
  const stopWatchdog = feedWatchdog(app, log);
  reloads.handle(() => {
    sdNotify(log, 'RELOADING=1');
    void app.daemon.reload({ by: 'signal' }).finally(() => sdNotify(log, 'READY=1'));
  });
  const signal = await stopped;
  reloads.handle(() => undefined);
  log.info({ signal }, 'stopping');
  sdNotify(log, 'STOPPING=1');
  stopWatchdog();
  await app.stop();
  log.info('stopped');
}

/** SIGHUP from the first moment on: one that comes while the daemon starts is answered once it has started. */
function reloadSignals(): { handle: (reload: () => void) => void } {
  let isWanted = false;
  let reload = (): void => {
    isWanted = true;
  };
  process.on('SIGHUP', () => reload());
  return {
    handle(next) {
      reload = next;
      if (isWanted) next();
      isWanted = false;
    },
  };
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

/** The watchdog is fed only while the daemon is alive in fact: its loop turns, its scheduler is on time. */
function feedWatchdog(app: App, log: Log): () => void {
  const intervalMs = watchdogIntervalMs();
  if (intervalMs === undefined) return () => undefined;
  const timer = setInterval(() => {
    const problem = app.livenessProblem();
    if (problem === undefined) sdNotify(log, 'WATCHDOG=1');
    else log.error({ problem }, 'the watchdog is not fed');
  }, intervalMs);
  return () => clearInterval(timer);
}
