/**
 * Tells systemd how the daemon is, through the `systemd-notify` binary, since Node has no unix datagram sockets. Does nothing
 * when systemd did not ask.
 */
import { execFile } from 'node:child_process';
import type { Log } from './log.ts';

/** Milliseconds; a hung helper must not pile up. */
const notifyTimeoutMs = 5_000;

export function sdNotify(log: Log, ...state: string[]): void {
  if (process.env['NOTIFY_SOCKET'] === undefined) return;
  execFile('systemd-notify', [`--pid=${process.pid}`, ...state], { timeout: notifyTimeoutMs }, (error) => {
    if (error !== null) log.warn({ state, error: error.message }, 'systemd-notify failed');
  });
}

/** Half of what systemd allows, or undefined when it set no watchdog. */
export function watchdogIntervalMs(): number | undefined {
  const usec = Number(process.env['WATCHDOG_USEC'] ?? '');
  return Number.isFinite(usec) && usec > 0 ? usec / 2_000 : undefined;
}
