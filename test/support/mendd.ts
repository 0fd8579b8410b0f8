/** Runs the built `mendd` as people do: a process with arguments, exit code and two streams; and daemons beside it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const menddFile = join(root, 'dist/cli/main.js');
const sources = ['core', 'config', 'store', 'runner', 'checks', 'actions', 'daemon', 'api', 'cli'];

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface MenddOptions {
  cwd?: string;
  env?: Record<string, string>;
}

/** Tests of another build than the sources would prove nothing. */
export function assertBuilt(): void {
  const built = statSync(menddFile, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const newer = sources.flatMap((folder) =>
    (readdirSync(join(root, folder), { recursive: true }) as string[])
      .filter((name) => /\.(ts|sql)$/.test(name))
      .map((name) => join(folder, name))
      .filter((path) => statSync(join(root, path)).mtimeMs > built),
  );
  if (newer.length > 0) throw new Error(`dist/ is older than ${newer[0]}: run \`npm run build\` first`);
}

/** The environment of commands: nothing of the developer's own takes part. */
function environment(more: Record<string, string> = {}): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, ...more };
}

export function mendd(args: readonly string[], options: MenddOptions = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [menddFile, ...args],
      {
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        env: environment(options.env),
        timeout: 100_000,
        maxBuffer: 64 * 1024 * 1024,
      },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
    child.stdin?.end();
  });
}

export interface Served {
  child: ChildProcess;
  /** `http://127.0.0.1:PORT` */
  api: string;
  log: () => string;
  /** SIGTERM, and its exit code. */
  stop: () => Promise<number | null>;
}

/** `mendd serve`, once its log says where the API listens. It is ended with the test or the suite that calls it. */
export async function serve(
  configFile: string,
  atEnd: (end: () => Promise<void>) => void = onTestFinished,
): Promise<Served> {
  const child = spawn(process.execPath, [menddFile, 'serve', '--config', configFile], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const stop = (): Promise<number | null> => {
    child.kill('SIGTERM');
    return ended;
  };
  atEnd(async () => void (await stop()));
  const port = await vi.waitFor(
    () => {
      const found = /"port":(\d+).*"msg":"started"/.exec(log)?.[1];
      if (found === undefined)
        throw new Error(`mendd serve has not started (exit ${child.exitCode}): ${log}`);
      return found;
    },
    { interval: 20 },
  );
  return { child, api: `http://127.0.0.1:${port}`, log: () => log, stop };
}
