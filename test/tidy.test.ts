import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** Folder -> what it may import besides itself and node:. */
const folders: Record<string, { folders: string[]; packages: string[]; node: boolean }> = {
  core: { folders: [], packages: [], node: false },
  config: { folders: ['core'], packages: ['yaml', 'zod', 'picomatch', 'node-cron', 'liquidjs'], node: true },
  sources: { folders: ['core'], packages: [], node: true },
  import: { folders: ['core', 'config'], packages: ['yaml'], node: true },
  store: { folders: ['core'], packages: ['better-sqlite3'], node: true },
  runner: { folders: ['core'], packages: ['ssh2'], node: true },
  checks: { folders: ['core'], packages: [], node: true },
  actions: { folders: ['core'], packages: ['nodemailer'], node: true },
  api: {
    folders: ['core'],
    packages: [
      'fastify',
      'fastify-type-provider-zod',
      '@fastify/swagger',
      '@fastify/helmet',
      '@fastify/rate-limit',
      '@fastify/static',
      '@fastify/cookie',
      'prom-client',
      'zod',
    ],
    node: true,
  },
  daemon: {
    folders: ['core', 'config', 'sources', 'store', 'runner', 'checks', 'actions', 'api'],
    packages: ['pino', 'node-cron'],
    node: true,
  },
  dashboard: { folders: [], packages: ['preact', '@preact/signals', 'uplot'], node: false },
  cli: {
    folders: ['core', 'config', 'sources', 'import', 'store', 'runner', 'checks', 'daemon'],
    packages: ['commander', 'picocolors'],
    node: true,
  },
};

const linesLimit = 320;

interface SourceFile {
  path: string;
  folder: string;
  text: string;
  imports: string[];
}

function sourceFiles(): SourceFile[] {
  return Object.keys(folders).flatMap((folder) =>
    (readdirSync(folder, { recursive: true }) as string[])
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => {
        const path = join(folder, name);
        const text = readFileSync(path, 'utf8');
        const imports = [
          ...text.matchAll(
            /(?:^|\n)(?:import|export)\s[^;]*?from\s+'([^']+)'|(?:^|\n)import\s+'([^']+)'|\bimport\('([^']+)'\)/g,
          ),
        ].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
        return { path, folder, text, imports };
      }),
  );
}

const files = sourceFiles();

test('enough files were read for the rules below to mean anything', () => {
  expect(files.length).toBeGreaterThan(80);
  for (const folder of Object.keys(folders))
    expect(
      files.some((file) => file.folder === folder),
      folder,
    ).toBe(true);
  expect(files.flatMap((file) => file.imports).length).toBeGreaterThan(300);
});

test('imports point one way', () => {
  const wrong = files.flatMap(({ path, folder, imports, text }) =>
    imports
      .filter((name) => name.startsWith('.') && !isWireType(path, text, name))
      .map((name) => join(path, '..', name))
      .filter((target) => {
        const to = target.split('/')[0] ?? '';
        return to !== folder && !folders[folder]?.folders.includes(to);
      })
      .map((target) => `${path} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test('each npm package has one home, yaml a second where it is written', () => {
  const wrong = files.flatMap(({ path, folder, imports }) =>
    imports
      .filter((name) => !name.startsWith('.'))
      .filter((name) => {
        if (name.startsWith('node:')) return !folders[folder]?.node;
        const pkg = name.startsWith('@') ? name.split('/').slice(0, 2).join('/') : (name.split('/')[0] ?? '');
        return !folders[folder]?.packages.includes(pkg);
      })
      .map((name) => `${path} imports ${name}`),
  );
  expect(wrong).toEqual([]);
});

test('core reads no clock, no randomness, no environment', () => {
  const banned = /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bprocess\.|\bperformance\.|\bsetTimeout\b/;
  expect(
    files
      .filter((file) => file.folder === 'core' && banned.test(stripComments(file.text)))
      .map((file) => file.path),
  ).toEqual([]);
});

test('every file opens with a sentence on what it owns, and stays short', () => {
  const opens = /^(#!.*\n)?(\/\*\*|\/\/)/;
  expect(files.filter((file) => !opens.test(file.text)).map((file) => file.path)).toEqual([]);
  expect(files.filter((file) => file.text.split('\n').length > linesLimit).map((file) => file.path)).toEqual(
    [],
  );
});

test('no enum, default export, barrel, utils file or swallowed error', () => {
  const wrong = files.flatMap(({ path, text }) => {
    const code = stripComments(text);
    return [
      /\benum\s+\w+\s*\{/.test(code) ? `${path}: enum` : '',
      /\bexport default\b/.test(code) ? `${path}: default export` : '',
      /\bexport \* from\b/.test(code) ? `${path}: barrel` : '',
      /(^|\/)(utils|helpers|index)\.ts$/.test(path) ? `${path}: name says nothing` : '',
      /catch\s*(\([^)]*\))?\s*\{\s*\}/.test(code) ? `${path}: swallowed error` : '',
    ].filter((each) => each !== '');
  });
  expect(wrong).toEqual([]);
});

function stripComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1');
}

/** The page knows the API by its answers; it may name their types, and nothing of it is in the bundle. */
function isWireType(path: string, text: string, name: string): boolean {
  return (
    path.startsWith('dashboard/') &&
    /^(\.\.\/)+api\/[a-z-]*shapes\.ts$/.test(name) &&
    text.includes(`from '${name}'`) &&
    !new RegExp(`(^|\\n)import (?!type )[^;]*from '${name.replaceAll('.', '\\.')}'`).test(text)
  );
}
