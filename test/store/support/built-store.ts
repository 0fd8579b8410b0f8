/** Owns building store/ to JavaScript once for a test file, so that real other processes can use it. */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(import.meta.dirname, '../../..');

export interface BuiltStore {
  /** Starts support/store-process.mjs with this build. */
  start(...args: string[]): StoreProcess;
  remove(): void;
}

export interface StoreProcess {
  kill(): void;
  /** Lines printed so far, whole ones only. */
  lines(): string[];
  /** Resolves once a line matches; rejects when the process ends before. */
  line(pattern: RegExp): Promise<string>;
  /** The exit code; null when it was killed. */
  exited: Promise<number | null>;
}

export function buildStore(): BuiltStore {
  const directory = mkdtempSync(join(tmpdir(), 'mendd-built-'));
  const config = {
    extends: join(root, 'tsconfig.build.json'),
    compilerOptions: {
      rootDir: root,
      outDir: join(directory, 'dist'),
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: [join(root, 'core'), join(root, 'store')],
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', directory], {
    stdio: 'pipe',
  });
  cpSync(join(root, 'store/migrations'), join(directory, 'dist/store/migrations'), { recursive: true });
  const script = fileURLToPath(new URL('./store-process.mjs', import.meta.url));
  return {
    start: (...args) => startProcess([script, join(directory, 'dist/store'), ...args]),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function startProcess(args: string[]): StoreProcess {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let errors = '';
  const waiting = new Set<() => void>();
  const wake = (): void => waiting.forEach((look) => look());
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    wake();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const exited = new Promise<number | null>((done) => {
    child.on('close', (code) => {
      done(code);
      wake();
    });
  });
  const lines = (): string[] => text.split('\n').slice(0, -1);
  const line = (pattern: RegExp): Promise<string> =>
    new Promise((found, failed) => {
      const look = (): void => {
        const match = lines().find((one) => pattern.test(one));
        if (match === undefined && child.exitCode === null && child.signalCode === null) return;
        waiting.delete(look);
        if (match === undefined) failed(new Error(`ended before ${String(pattern)}: ${errors}`));
        else found(match);
      };
      waiting.add(look);
      look();
    });
  return { kill: () => void child.kill('SIGKILL'), lines, line, exited };
}
