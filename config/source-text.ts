/**
 * Owns reading a definition file as text: a regular file, of limited size, in UTF-8, without control characters.
 * It knows nothing of YAML.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { SourcePlace } from '../core/definitions.ts';
import type { ProblemList } from './problems.ts';

/** Bytes of one YAML file. */
export const sourceBytesLimit = 1_048_576;

/** What the operating system says, in words. */
const reasons: Record<string, [string, string]> = {
  EACCES: ['cannot be read: permission denied', 'let the user mendd runs as read it'],
  EPERM: ['cannot be read: permission denied', 'let the user mendd runs as read it'],
  ENOENT: ['does not exist', 'create it, or mend the path'],
  EISDIR: ['is a directory, not a file', 'give the path of a file'],
  ENOTDIR: ['is not inside a directory', 'mend the path'],
  ELOOP: ['is a symbolic link that leads nowhere', 'mend the link'],
};

/** Why a file cannot be read, as `[message, hint]`. Errors that are no file system error are thrown on. */
export function readFailure(error: unknown): [string, string] {
  if (!(error instanceof Error) || !('code' in error)) throw error;
  return reasons[String(error.code)] ?? [`cannot be read: ${error.message}`, 'mend the file or its path'];
}

/**
 * Bytes of a regular file. Opened without blocking, so that a named pipe cannot hang the daemon.
 * Limits: at most `limitBytes`; a longer file, a directory or a device is an answer in words.
 */
export function readRegularFile(
  path: string,
  limitBytes: number,
): { bytes: Buffer; mode: number } | { message: string; hint: string; errno?: string } {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (stat.isDirectory()) return { message: 'is a directory, not a file', hint: 'give the path of a file' };
    if (!stat.isFile()) return { message: 'is not a regular file', hint: 'give the path of a file' };
    if (stat.size > limitBytes) {
      return {
        message: `is too large: ${stat.size.toLocaleString('en-US')} bytes`,
        hint: `the limit is ${limitBytes.toLocaleString('en-US')} bytes`,
      };
    }
    const bytes = Buffer.alloc(limitBytes < stat.size ? limitBytes : stat.size);
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(fd, bytes, filled, bytes.length - filled, filled);
      if (count === 0) break;
      filled += count;
    }
    return { bytes: bytes.subarray(0, filled), mode: stat.mode };
  } catch (error) {
    const [message, hint] = readFailure(error);
    return {
      message,
      hint,
      ...(error instanceof Error && 'code' in error ? { errno: String(error.code) } : {}),
    };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The text of a definition file, or undefined with the reason among the problems. */
export function readSourceText(path: string, file: string, problems: ProblemList): string | undefined {
  const start = { file, line: 1, column: 1 };
  const read = readRegularFile(path, sourceBytesLimit);
  if ('message' in read) {
    const split = read.message.startsWith('is too large') ? 'split it into several files; ' : '';
    problems.add(start, `this file ${read.message}`, `${split}${read.hint}`);
    return undefined;
  }
  const text = decode(read.bytes);
  if (text === undefined) {
    problems.add(invalidPlace(read.bytes, file), 'these bytes are not UTF-8', 'save the file in UTF-8');
    return undefined;
  }
  const control = controlPlace(text, file);
  if (control === undefined) return text;
  problems.add(
    control,
    'a control character stands here',
    'delete it; in double quotes it can be written as `\\x1b`',
  );
  return undefined;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The first place whose bytes are not UTF-8: lines end with a byte that is part of no other character. */
function invalidPlace(bytes: Buffer, file: string): SourcePlace {
  let from = 0;
  for (let line = 1; from <= bytes.length; line += 1) {
    const end = bytes.indexOf(0x0a, from);
    const slice = bytes.subarray(from, end === -1 ? bytes.length : end);
    if (decode(slice) === undefined) {
      return { file, line, column: Math.max(0, new TextDecoder().decode(slice).indexOf('\uFFFD')) + 1 };
    }
    if (end === -1) break;
    from = end + 1;
  }
  return { file, line: 1, column: 1 };
}

/** Source: YAML 1.2.2, 5.1, c-printable. */
function controlPlace(text: string, file: string): SourcePlace | undefined {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  const index = text.search(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/);
  if (index === -1) return undefined;
  const before = text.slice(0, index).split('\n');
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
