/**
 * Reads the JSON object that a program of facts printed. Whatever it holds is data of somebody else: bounded, without names
 * that mean something to the language, and never more than plain values.
 */
import type { Json } from '../core/sources.ts';
import type { FactsTold } from './facts-told.ts';

/** Bytes of one answer. */
export const factsBytesLimit = 65_536;
const depthLimit = 16;
const valuesLimit = 10_000;
/** Characters. */
const textLimit = 4_096;
const keyLimit = 256;
/** Told of one answer. */
const problemsLimit = 5;

/** Halves of characters, which no UTF-8 can hold. */
const lone = /\p{Surrogate}/u;
const lones = /\p{Surrogate}/gu;

const refusedKeys: readonly string[] = ['__proto__', 'constructor', 'prototype'];

/** Thrown out of the depth of an answer that is refused as a whole. */
class Refused extends Error {}

/** `problems`: what was left out or cut of an answer that is otherwise taken. */
export function readFacts(text: string): FactsTold {
  if (Buffer.byteLength(text) > factsBytesLimit) return { ok: false, problem: tooLong };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const said = (error as Error).message.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 120);
    return { ok: false, problem: text.trim() === '' ? 'it printed nothing' : `it printed no JSON: ${said}` };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return { ok: false, problem: 'it printed JSON that is no object; write `{ "name": value }`' };
  try {
    const reader = new Reader();
    const values = reader.map(parsed as Record<string, unknown>, [], 1);
    return { ok: true, values, problems: reader.problems };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { ok: false, problem: error.message };
  }
}

const tooLong = `it printed more than ${factsBytesLimit.toLocaleString('en-US')} bytes`;

class Reader {
  readonly problems: string[] = [];
  #values = 0;

  map(
    values: Readonly<Record<string, unknown>>,
    path: readonly string[],
    depth: number,
  ): Record<string, Json> {
    const kept: [string, Json][] = [];
    for (const [key, value] of Object.entries(values)) {
      const at = [...path, key];
      if (refusedKeys.includes(key)) this.#tell(at, 'has a name that is refused, and was left out');
      else if (key.length > keyLimit || lone.test(key))
        this.#tell(
          [...path, `${key.slice(0, 20)}…`],
          'has a name that is too long or broken, and was left out',
        );
      else {
        const read = this.#value(value, at, depth);
        if (read !== undefined) kept.push([key, read]);
      }
    }
    return Object.fromEntries(kept);
  }

  #value(value: unknown, path: readonly string[], depth: number): Json | undefined {
    this.#values += 1;
    if (this.#values > valuesLimit)
      throw new Refused(`it printed more than ${valuesLimit.toLocaleString('en-US')} values`);
    if (typeof value === 'string') return this.#text(value, path);
    if (typeof value === 'number' && !Number.isFinite(value)) {
      this.#tell(path, 'is a number too large, and was left out');
      return undefined;
    }
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
    if (depth >= depthLimit) throw new Refused(`it printed more than ${depthLimit} levels`);
    if (!Array.isArray(value)) return this.map(value as Record<string, unknown>, path, depth + 1);
    return value.map((item, index) => this.#value(item, [...path, String(index)], depth + 1) ?? null);
  }

  #text(value: string, path: readonly string[]): string {
    if (value.length <= textLimit) return value.replaceAll(lones, '\uFFFD');
    this.#tell(path, `was cut at ${textLimit.toLocaleString('en-US')} characters`);
    return value
      .slice(0, textLimit)
      .replace(/[\uD800-\uDBFF]$/, '')
      .replaceAll(lones, '\uFFFD');
  }

  #tell(path: readonly string[], what: string): void {
    if (this.problems.length >= problemsLimit) return;
    const name = path
      .join('.')
      .replaceAll(/\p{Cc}+/gu, ' ')
      .slice(0, 80);
    this.problems.push(`\`${name}\` ${what}`);
  }
}
