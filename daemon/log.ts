/**
 * The daemon's log: one JSON object a line on standard output, for journald to keep. No worker transport, which would
 * lose the last lines at exit.
 */
import { type Logger, pino } from 'pino';

export type Log = Logger;

export function createLog(level: string): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 1, sync: true }),
  );
}
