/**
 * Owns what an Ansible inventory may write for hosts: a name, a range of names, and a port behind it.
 * Source: ansible-core, parsing/utils/addresses.py and plugins/inventory/__init__.py.
 */
import { expandHostRange } from '../host-range.ts';
import { splitHint } from '../zod-problems.ts';
import { shown, Unreadable } from './reading.ts';

/** Errors: Unreadable, for ranges that are none. */
export function expandPattern(pattern: string, line?: number): { names: string[]; port?: number } {
  const found = /^\[(.+)\]:(\d+)$/s.exec(pattern) ?? /^((?:[^:[\]]|\[[^\]]*\])*):(\d+)$/s.exec(pattern);
  const name = found?.[1] ?? pattern;
  const port = found === null ? {} : { port: Number(found[2]) };
  if (!name.includes('[')) return { names: [name], ...port };
  const expanded = expandHostRange(name);
  if ('value' in expanded) return { names: expanded.value.map((each) => each.name), ...port };
  const [message, hint = 'mend the range'] = splitHint(expanded.problem);
  throw new Unreadable(`${shown(pattern)}: ${message}`, hint, line);
}
