/** Owns the question whether better-sqlite3 fits this Node.js, asked before the first file is touched. */
import { createRequire } from 'node:module';
import Database from 'better-sqlite3';
import { MenddError } from '../core/errors.ts';

/** Node-API version that better-sqlite3 13 needs; below it `new Database()` kills the process without a word. */
const napiNeededBy13 = 10;

/** Why this driver must not even be tried; undefined when it may be. */
export function driverProblem(driverVersion: string, napiVersion: string | undefined): string | undefined {
  if (Number.parseInt(driverVersion, 10) < 13 || Number(napiVersion ?? 0) >= napiNeededBy13) return undefined;
  return `better-sqlite3 ${driverVersion} needs Node-API ${napiNeededBy13}; Node.js ${process.version} has ${napiVersion ?? 'none'}`;
}

function openInMemory(): void {
  new Database(':memory:').close();
}

function installedVersion(): string {
  const { version } = createRequire(import.meta.url)('better-sqlite3/package.json') as { version: string };
  return version;
}

/** Errors: NATIVE_MODULE. */
export function assertDriver(
  version: () => string = installedVersion,
  tryOut: () => void = openInMemory,
): void {
  let problem: string | undefined;
  try {
    problem = driverProblem(version(), process.versions['napi']);
    if (problem === undefined) tryOut();
  } catch (cause) {
    const message = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new MenddError('NATIVE_MODULE', `better-sqlite3 cannot be loaded: ${message}`, { cause });
  }
  if (problem !== undefined) throw new MenddError('NATIVE_MODULE', `${problem}.`);
}
