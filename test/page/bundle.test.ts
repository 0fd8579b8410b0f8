import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const built = fileURLToPath(new URL('../../dist/dashboard', import.meta.url));
const limitBytes = 60_000;

function assets(): { name: string; text: string }[] {
  return readdirSync(join(built, 'assets')).map((name) => ({
    name,
    text: readFileSync(join(built, 'assets', name), 'utf8'),
  }));
}

test('the whole page without graphs is under 60 kB', () => {
  const sizes = assets()
    .filter(({ name }) => !name.startsWith('graph-'))
    .map(({ name, text }) => [name, gzipSync(text, { level: 9 }).length] as const);
  expect(sizes.length).toBeGreaterThan(2);
  const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
  expect(total, JSON.stringify(sizes)).toBeLessThan(limitBytes);
});

test('graphs are not loaded with the page', () => {
  const html = readFileSync(join(built, 'index.html'), 'utf8');
  expect(html).toContain('/assets/index-');
  expect(html).not.toContain('graph-');
  expect(assets().some(({ name }) => name.startsWith('graph-'))).toBe(true);
});

test('nothing is inline and nothing comes from elsewhere', () => {
  const html = readFileSync(join(built, 'index.html'), 'utf8');
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/i);
  for (const { name, text } of [{ name: 'index.html', text: html }, ...assets()]) {
    // Names of XML languages are no addresses.
    const addresses = text.match(/(?:https?:)?\/\/[a-z][\w.-]+\.[a-z]{2,}[^\s"'`)]*/gi) ?? [];
    expect(
      addresses.filter((address) => !address.includes('//www.w3.org/')),
      name,
    ).toEqual([]);
    expect(text, name).not.toMatch(/\beval\(|new Function\(|\bimport\(['"]https?:/);
  }
});
