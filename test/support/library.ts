/** Carries out runbooks of library/ on this machine: by the daemon's own loader, plans and runner, with `sudo` left out. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createPlanCheck } from '../../checks/plan-check.ts';
import { readLibrary } from '../../cli/library-files.ts';
import { loadDefinitions } from '../../config/load.ts';
import type { CheckDefinition, Definitions } from '../../core/definitions.ts';
import type { RunOutcome } from '../../core/ports.ts';
import type { CheckResult } from '../../core/types.ts';
import { askCheck } from '../../daemon/check-run.ts';
import { makeRunner, realClock } from './runner.ts';

export interface LocalRunbook {
  check(name: string): Promise<CheckResult>;
  /** The command of an action. Errors: throws when it is none. */
  act(name: string): Promise<Extract<RunOutcome, { kind: 'exited' }>>;
}

export interface LocalOptions {
  /** What a person would change, by text. */
  change?: readonly (readonly [from: string | RegExp, to: string])[];
  /** Directory of programs that come first in PATH. */
  bin?: string;
  env?: Readonly<Record<string, string>>;
}

/** The definitions of one runbook of the library, on a host that is this machine. Errors: throws with all problems. */
export function libraryDefinitions(name: string, { change = [] }: LocalOptions = {}): Definitions {
  const entry = readLibrary().find((each) => each.name === name);
  if (entry === undefined) throw new Error(`no ${name} in the library`);
  const root = temporaryDirectory();
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write(
    'mendd.yaml',
    'definitions: { path: ./definitions }\nstore: { path: ./mendd.db }\nssh: { agent: true }\n',
  );
  write('definitions/hosts/box.yaml', 'hosts: { box: { transport: local } }\n');
  for (const { path, text } of entry.files) {
    const changed = change.reduce((sum, [from, to]) => sum.replaceAll(from, to), text);
    write(`definitions/${path}`, changed.replace(/^hosts: .*$/m, 'hosts: [box]'));
  }
  const loaded = loadDefinitions({
    configFile: join(root, 'mendd.yaml'),
    environment: { SSH_AUTH_SOCK: '/run/agent' },
  });
  if (!loaded.ok)
    throw new Error(loaded.problems.map(({ line, message }) => `${line}: ${message}`).join('\n'));
  if (loaded.warnings.some(({ file }) => file.includes('runbooks/')))
    throw new Error(loaded.warnings.map(({ message }) => message).join('\n'));
  return loaded.definitions;
}

export function localRunbook(name: string, options: LocalOptions = {}): LocalRunbook {
  const definitions = libraryDefinitions(name, options);
  const host = definitions.hosts.get('box');
  const plan = definitions.byHost.get('box');
  if (host === undefined || plan === undefined) throw new Error('no host');
  const PATH = [options.bin, process.env['PATH'], '/usr/sbin'].filter((part) => part !== undefined).join(':');
  const env = { ...options.env, PATH };
  const runner = makeRunner(
    { ...definitions.daemon.ssh, agent: false },
    { hosts: (wanted) => definitions.hosts.get(wanted) },
  );
  const planCheck = createPlanCheck({ pluginDirs: [], clock: realClock });
  return {
    async check(wanted) {
      const found = plan.checks.find((check) => check.name === wanted);
      if (found === undefined) throw new Error(`no check ${wanted}`);
      const { sudo: _, ...check } = found;
      const here: CheckDefinition = { ...check, env: { ...check.env, ...env } };
      const asked = await askCheck({ runner, planCheck, definitions: () => definitions }, host, here);
      if (asked.kind !== 'result') throw new Error(JSON.stringify(asked));
      return asked.result;
    },
    async act(wanted) {
      const rungs = plan.ladders.flatMap((ladder) => ladder.rungs);
      const effect = rungs.find((rung) => rung.id.endsWith(`.${wanted}`))?.effect;
      if (effect?.kind !== 'command') throw new Error(`${wanted} is no command`);
      const ran = await runner.run({
        target: { kind: 'local' },
        script: effect.run,
        timeoutMs: 30_000,
        purpose: 'action',
        env,
      });
      if (ran.kind !== 'exited') throw new Error(JSON.stringify(ran));
      return ran;
    },
  };
}

/** Removed with the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mendd-library-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A program of this machine that runs until the test is over. */
export function background(file: string, args: readonly string[]): ChildProcess {
  const child = spawn(file, args, { stdio: 'ignore' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}
