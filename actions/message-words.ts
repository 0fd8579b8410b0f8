/**
 * Owns the shape that all messages share, and how they put checks, runs and times into words. Pure. Everything that came
 * from a host or a person is cleaned here: no text of theirs can forge a header, a line or a terminal command.
 */
import type { LadderDefinition } from '../core/definitions.ts';
import { formatDuration } from '../core/duration.ts';
import type { CheckStatus, Run, RunStatus } from '../core/types.ts';
import { inert } from './inert-text.ts';

/** What webhooks receive; mail shows `subject` and `text`. */
export type MessageBody = Record<string, unknown> & { subject: string; text: string };

/** One ladder of one host, as it stands when the message is written. */
export interface Story {
  host: string;
  ladder: LadderDefinition;
  nowMs: number;
  /** What is concluded about the ladder's check now. */
  status?: CheckStatus;
}

/** Fits one header line of a mail (RFC 5322, 2.1.1, less the name of the header). */
const subjectLimit = 77;
const outputLimit = 500;

/** Of every message. `kind` tells receivers what it is about. */
export function bodyOf(kind: string, title: string, lines: readonly string[], nowMs: number): MessageBody {
  return {
    version: 1,
    kind,
    subject: cut(oneLine(`[mendd] ${title}`), subjectLimit),
    text: `${lines.join('\n')}\n`,
    at: timeText(nowMs),
  };
}

/** Of every message about one ladder. */
export function storyBody(
  kind: 'problem' | 'recovery' | 'approval' | 'proposal',
  story: Story,
  title: string,
  lines: readonly string[],
): MessageBody {
  const { host, ladder, status, nowMs } = story;
  const sinceMs = status?.problemSinceMs;
  return {
    ...bodyOf(kind, title, lines, nowMs),
    host,
    runbook: ladder.runbook,
    ladder: ladder.id,
    check: ladder.trigger.check,
    state: status?.state ?? 'unknown',
    output: outputOf(status),
    ...(sinceMs === undefined ? {} : { since: timeText(sinceMs) }),
  };
}

/** The check, its state, since when, and what it said. */
export function symptomLines({ ladder, nowMs, status }: Story): string[] {
  const sinceMs = status?.problemSinceMs;
  const since =
    sinceMs === undefined ? '' : ` since ${clockWords(sinceMs, nowMs)} (${spanWords(nowMs - sinceMs)})`;
  const state = (status?.state ?? 'unknown').toUpperCase();
  return [`${nameOf(ladder.trigger.check)} is ${state}${since}`, ...shownLines(outputOf(status))];
}

export function triedLines(tried: readonly Run[]): string[] {
  if (tried.length === 0) return ['Nothing was tried yet.'];
  return ['Tried:', ...tried.map((run) => `- ${runWords(run)}`)];
}

export function whyLine({ host, ladder }: Story): string {
  return `Why: mendd explain ${host}/${ladder.trigger.check}`;
}

const statusWords: Record<RunStatus, string> = {
  intended: 'about to start',
  dispatched: 'sent, not ended yet',
  unknown: 'sent, but what became of it is not known',
  verifying: 'done, waiting for the check',
  verified: 'helped',
  not_verified: 'did not help',
  inconclusive: 'whether it helped is not known',
  done: 'done',
  failed: 'failed',
  cancelled: 'not sent',
  refused: 'refused by the host',
  expired: 'not sent in time',
};

function runWords(run: Run): string {
  const words = [`${clockText(run.decidedAtMs)} ${nameOf(run.action)}: ${statusWords[run.status]}`];
  if (run.outcome) words.push(cut(oneLine(run.outcome), 200));
  if (run.approvedBy) words.push(`approved by ${personName(run.approvedBy)}`);
  if (run.evidence) words.push(`${sizeText(bytesOf(run.evidence))} of evidence`);
  return words.join(', ');
}

export function triedData(tried: readonly Run[]): Record<string, unknown>[] {
  return tried.map((run) => ({
    run: run.id,
    action: run.action,
    kind: run.kind,
    status: run.status,
    decided: timeText(run.decidedAtMs),
    ...(run.approvedBy === undefined ? {} : { approvedBy: run.approvedBy }),
    ...(run.endedAtMs === undefined ? {} : { ended: timeText(run.endedAtMs) }),
    ...(run.exitCode === undefined ? {} : { exitCode: run.exitCode }),
    ...(run.outcome === undefined ? {} : { outcome: run.outcome }),
    ...(run.evidence ? { evidenceBytes: bytesOf(run.evidence) } : {}),
  }));
}

/** `person:<name>` as people call each other. */
export function personName(actor: string): string {
  return oneLine(actor.replace(/^person:/, ''));
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

function sizeText(bytes: number): string {
  return bytes < 1000 ? `${bytes} bytes` : `${(bytes / 1000).toFixed(1)} kB`;
}

/** Ids are `<runbook>.<name>`; the runbook stands beside it already. */
export function nameOf(id: string): string {
  return id.slice(id.lastIndexOf('.') + 1);
}

export function outputOf(status: CheckStatus | undefined): string {
  return cut(inert(status?.lastResult?.text ?? ''), outputLimit);
}

/** A text of several lines, set apart from ours. */
export function shownLines(text: string): string[] {
  return text === '' ? [] : text.split('\n').map((line) => `  ${line}`);
}

export function oneLine(text: string): string {
  return inert(text.replaceAll(/\s+/g, ' '));
}

/** Time of day; with the date when it is not today's. */
export function clockWords(atMs: number, nowMs: number): string {
  const date = timeText(atMs).slice(0, 10);
  return `${date === timeText(nowMs).slice(0, 10) ? '' : `${date} `}${clockText(atMs)} UTC`;
}

function clockText(atMs: number): string {
  return timeText(atMs).slice(11, 16);
}

export function timeText(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** Coarse on purpose: seconds below an hour, minutes above. */
export function spanWords(ms: number): string {
  const stepMs = ms < 3_600_000 ? 1000 : 60_000;
  return formatDuration(Math.floor(Math.max(0, ms) / stepMs) * stepMs);
}

export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 3)}...`;
}
