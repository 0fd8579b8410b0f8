/**
 * Every failure a person can meet, with a stable code. docs/errors.md lists the same set; a test compares them.
 * Remote outcomes are values (core/ports.ts) and never appear here.
 */

/** Exit codes of the command line, after sysexits(3). */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 64,
  badDefinitions: 65,
  daemonUnreachable: 69,
  tryAgain: 75,
  permission: 77,
  configMissing: 78,
} as const;

export interface ErrorEntry {
  exitCode: number;
  /** What it means, for docs/errors.md. */
  meaning: string;
  /** What to do. */
  hint: string;
}

export const errorCatalogue = {
  DEFINITIONS_INVALID: {
    exitCode: exitCodes.badDefinitions,
    meaning: 'The definitions have problems; each is printed as file:line:col: message.',
    hint: 'Mend each place named above and run `mendd validate` again.',
  },
  CONFIG_MISSING: {
    exitCode: exitCodes.configMissing,
    meaning: 'The daemon file was not found.',
    hint: 'Give its path with --config, or create one with `mendd init`.',
  },
  DEFINITIONS_UNREACHABLE: {
    exitCode: exitCodes.tryAgain,
    meaning: 'The definitions cannot be fetched, and no commit of them was in force here before.',
    hint: 'Mend `definitions.git`: its url, branch, key and known_hosts; `git ls-remote URL` must work for the user mendd runs as. Once a commit was in force, mendd starts without the network.',
  },
  STORE_UNUSABLE: {
    exitCode: exitCodes.permission,
    meaning: 'The database cannot be opened, read or written.',
    hint: 'Check that the directory exists, belongs to the user mendd runs as, and has free space.',
  },
  STORE_CORRUPT: {
    exitCode: exitCodes.failed,
    meaning: 'The database failed its integrity check.',
    hint: 'Start mendd again: it moves a damaged file aside, begins a new one and acts on nothing until `mendd rearm`.',
  },
  STORE_NEWER: {
    exitCode: exitCodes.failed,
    meaning: 'The database was written by a newer mendd.',
    hint: 'Install that version again, or restore the backup it made before it migrated.',
  },
  STORE_LOCKED: {
    exitCode: exitCodes.tryAgain,
    meaning: 'Another mendd daemon uses this database.',
    hint: 'Stop the other daemon, or give this one its own store.path.',
  },
  PORT_IN_USE: {
    exitCode: exitCodes.tryAgain,
    meaning: 'The API address is taken by another program.',
    hint: 'Stop the other program or change api.listen.',
  },
  LISTEN_FAILED: {
    exitCode: exitCodes.permission,
    meaning: 'The API address cannot be listened on.',
    hint: 'Set api.listen to an address of this machine and a port above 1023, for example 127.0.0.1:8420.',
  },
  TLS_UNUSABLE: {
    exitCode: exitCodes.configMissing,
    meaning: 'The certificate or the key of the API cannot be used.',
    hint: 'Mend the files under api.tls: PEM, readable by mendd, the key without a passphrase and of that certificate.',
  },
  KEY_UNUSABLE: {
    exitCode: exitCodes.permission,
    meaning: 'The SSH private key cannot be used.',
    hint: 'The key file must be readable by mendd and by nobody else (mode 0600), and its passphrase must be right.',
  },
  NATIVE_MODULE: {
    exitCode: exitCodes.failed,
    meaning: 'The database driver does not fit this Node.js.',
    hint: 'Run `npm rebuild better-sqlite3`, or use the Node.js version that mendd was installed with.',
  },
  DAEMON_UNREACHABLE: {
    exitCode: exitCodes.daemonUnreachable,
    meaning: 'The daemon did not answer at the API address.',
    hint: 'Start it with `mendd serve`, or give its address with --api.',
  },
  NOT_ALLOWED: {
    exitCode: exitCodes.permission,
    meaning: 'The token is missing, expired, or lacks the scope this needs.',
    hint: 'Create one with `mendd token create --scope act` and pass it in MENDD_TOKEN.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** An environment failure: thrown, handled at one boundary, shown as one sentence and a hint. */
export class MenddError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'MenddError';
    this.code = code;
    this.hint = options.hint ?? errorCatalogue[code].hint;
  }

  get exitCode(): number {
    return errorCatalogue[this.code].exitCode;
  }
}
