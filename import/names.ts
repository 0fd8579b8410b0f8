/** Owns making names that the language takes from names of other tools, each once. */
import { hostNamePattern, itemNamePattern, labelPattern, slug } from '../config/names.ts';

/** Gives every name at most once; what was given stays taken. */
export class Names {
  readonly #taken = new Set<string>();
  readonly #longest: number;

  /** `reserved`: never given. `longest`: characters. */
  constructor(longest: number, reserved: readonly string[] = []) {
    this.#longest = longest;
    for (const name of reserved) this.#taken.add(name);
  }

  unique(wanted: string): string {
    for (let number = 1; ; number += 1) {
      const end = number === 1 ? '' : `-${number}`;
      const name = wanted.slice(0, this.#longest - end.length) + end;
      if (this.#taken.has(name)) continue;
      this.#taken.add(name);
      return name;
    }
  }
}

export function hostNames(): Names {
  return new Names(120, ['target', 'local']);
}

export function itemNames(): Names {
  return new Names(48, []);
}

/** A name of a host that is as near as can be to the text. */
export function hostNameFrom(text: string): string {
  if (hostNamePattern.test(text) && text !== 'target' && text !== 'local') return text;
  const name = ascii(text)
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '');
  return name === '' ? 'host' : name.slice(0, 120);
}

/** A name of a check or an action. */
export function itemNameFrom(text: string, otherwise: string): string {
  const name = slug(text).replaceAll('-', '_').slice(0, 48).replace(/_+$/, '');
  return itemNamePattern.test(name) ? name : otherwise;
}

export function labelFrom(text: string): string {
  if (labelPattern.test(text)) return text;
  const label = ascii(text)
    .replaceAll(/[^A-Za-z0-9._/-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63);
  return label === '' ? 'group' : label;
}

function ascii(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '');
}
