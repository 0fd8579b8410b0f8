import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const text = readFileSync('Dockerfile', 'utf8').replaceAll(/\\\n/g, ' ');
const instructions = text
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => ({ name: line.split(/\s/, 1)[0] ?? '', rest: line.replace(/^\S+\s+/, '') }));
const finalStage = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));

function all(name: string, from = instructions): string[] {
  return from.filter((each) => each.name === name).map(({ rest }) => rest);
}

test('the images are pinned to a release line and the last stage carries no compiler', () => {
  for (const image of all('FROM')) expect(image).toMatch(/^node:24-slim( AS build)?$/);
  expect(all('RUN').join('\n')).toContain('g++');
  expect(all('RUN', finalStage).join('\n')).not.toMatch(/g\+\+|python3|make/);
});

test('it runs as a user of its own', () => {
  const [user, ...others] = all('USER', finalStage);
  expect(others).toEqual([]);
  expect(user).not.toMatch(/^(root|0)\b/);
  expect(all('RUN', finalStage).join('\n')).toContain(`useradd --system --uid 8420`);
  // Whatever comes after USER runs as that user; installing must come before.
  const order = finalStage.map(({ name }) => name);
  expect(order.lastIndexOf('RUN')).toBeLessThan(order.indexOf('USER'));
});

test('every source folder is copied, sent to the builder and there', () => {
  const folders = JSON.parse(readFileSync('tsconfig.build.json', 'utf8').replaceAll(/^\s*\/\/.*$/gm, '')) as {
    include: string[];
  };
  const copied = all('COPY')
    .filter((rest) => !rest.startsWith('--from'))
    .flatMap((rest) => rest.split(/\s+/).slice(0, -1));
  expect(copied).toEqual(
    expect.arrayContaining([...folders.include, 'package.json', 'package-lock.json', 'tsconfig.json']),
  );
  const sent = readFileSync('.dockerignore', 'utf8').split('\n');
  expect(sent).toContain('*');
  for (const path of copied) {
    expect(existsSync(path), path).toBe(true);
    expect(sent).toContain(`!${path}`);
  }
});

test('state is a volume, the clock is UTC, signals reach the daemon and its health is asked', () => {
  expect(all('VOLUME', finalStage)).toEqual(['/var/lib/mendd']);
  expect(all('ENV', finalStage).join(' ')).toContain('TZ=UTC');
  expect(all('EXPOSE', finalStage)).toEqual(['8420']);
  expect(JSON.parse(all('ENTRYPOINT', finalStage)[0] ?? '')).toEqual(['tini', '--', 'mendd']);
  expect(JSON.parse(all('CMD', finalStage)[0] ?? '')).toEqual(['serve', '--config', '/etc/mendd/mendd.yaml']);
  expect(all('HEALTHCHECK', finalStage)[0]).toContain('/readyz');
});
