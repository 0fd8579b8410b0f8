/**
 * Owns the mark beside the ledger: how far the ledger had come, so that an older copy in its place is noticed. It is written
 * after the ledger's own commit and may be lost or late, never ahead; it proves nothing and is no reason to refuse a start.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

export interface Mark {
  fence: number;
  /** Number of the newest run. */
  run: number;
  /** Number of the newest entry of the audit. */
  audit: number;
  /** Id of the run sent last; an older copy may still believe that it was not sent. */
  sent?: string;
}

export interface MarkFile {
  /** Undefined when there is none that can be read. */
  read(): Mark | undefined;
  write(mark: Mark): void;
}

export function markPathOf(file: string): string {
  return `${file}.mark`;
}

/** `warn` is told of the first failure of a streak: without a mark an old copy is known by the hosts' fences alone. */
export function markBeside(file: string, warn: (sentence: string) => void): MarkFile {
  const path = markPathOf(file);
  let failing = false;
  return {
    read() {
      try {
        return parse(readFileSync(path, 'utf8'));
      } catch (error) {
        if (!isCode(error, 'ENOENT')) warn(`${path} cannot be read: ${messageOf(error)}.`);
        return undefined;
      }
    },
    write(mark) {
      try {
        writeFileSync(`${path}.new`, JSON.stringify(mark), { mode: 0o600 });
        renameSync(`${path}.new`, path);
        failing = false;
      } catch (error) {
        if (!failing) warn(`${path} cannot be written: ${messageOf(error)}.`);
        failing = true;
      }
    },
  };
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function parse(text: string): Mark {
  const found = JSON.parse(text) as Partial<Record<keyof Mark, unknown>> | null;
  const { fence, run, audit, sent } = found ?? {};
  if (!isCount(fence) || !isCount(run) || !isCount(audit)) throw new SyntaxError('it is not a mark of mendd');
  return { fence, run, audit, ...(typeof sent === 'string' ? { sent } : {}) };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** What the ledger lacks that it had when the mark was written; undefined when nothing. */
export function lackOf(ledger: Mark, mark: Mark, wasSent: (runId: string) => boolean): string | undefined {
  if (ledger.fence < mark.fence) return `its newest fence is ${ledger.fence}, and ${mark.fence} was raised`;
  if (ledger.run < mark.run) return `it knows ${ledger.run} runs, and ${mark.run} were decided`;
  if (ledger.audit < mark.audit) return `its audit ends at ${ledger.audit}, and ${mark.audit} was written`;
  if (mark.sent !== undefined && !wasSent(mark.sent)) return `run ${mark.sent} was sent, and it says not`;
  return undefined;
}
