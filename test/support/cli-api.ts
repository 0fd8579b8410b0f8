/** The set-up of tests that run commands as processes against a real API over a daemon made of data. */
import { afterEach, beforeAll, beforeEach } from 'vitest';
import { createApi } from '../../api/server.ts';
import type { Scope } from '../../core/types.ts';
import { FakeDaemon } from './fake-daemon.ts';
import { assertBuilt, type Ended, mendd } from './mendd.ts';
import { temporaryTree } from './temporary-tree.ts';

export interface CliApi {
  /** A new one for each test, with a token `secret-SCOPE` of each scope. */
  daemon: FakeDaemon;
  url: string;
  /** Runs the command with the token of that scope, in an empty directory. */
  as: (scope: Scope, ...args: string[]) => Promise<Ended>;
}

const scopes = ['read', 'ack', 'act', 'admin', 'submit'] as const;

/** To be called at the head of a test file; `prepare` gives the daemon its content before each test. */
export function cliAgainstApi(prepare: (daemon: FakeDaemon) => void = () => {}): CliApi {
  let close: (() => Promise<void>) | undefined;
  const cli: CliApi = {
    daemon: new FakeDaemon(),
    url: '',
    as: (scope, ...args) => {
      const env = { MENDD_API: cli.url, MENDD_TOKEN: `secret-${scope}` };
      return mendd(args, { cwd: temporaryTree({}), env });
    },
  };

  beforeAll(assertBuilt);

  beforeEach(async () => {
    const daemon = new FakeDaemon();
    for (const scope of scopes) daemon.token(scope, scope);
    prepare(daemon);
    const { clock, history, runs } = daemon;
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const api = createApi({ daemon, history, runs, clock, log });
    const { port } = await api.listen('127.0.0.1', 0);
    Object.assign(cli, { daemon, url: `http://127.0.0.1:${port}` });
    close = async () => {
      const closed = api.close();
      // What still listens is cut off at once.
      clock.advance(10_000);
      await closed;
    };
  });

  afterEach(() => close?.());

  return cli;
}
