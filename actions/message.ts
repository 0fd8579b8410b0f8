/**
 * Owns what a person is told: one message for a problem with all that was tried, one for its recovery. Pure. The
 * body is what webhooks receive; its `subject` and `text` are what mail shows, readable on a phone at night.
 */
import type { ActionDefinition, LadderDefinition } from '../core/definitions.ts';
import { formatDuration } from '../core/duration.ts';
import { printable } from '../core/plugin-output.ts';
import type { OutboxMessage } from '../core/ports.ts';
import type { CheckStatus, Run, RunStatus } from '../core/types.ts';

/** Fits one header line of a mail (RFC 5322, 2.1.1, less the name of the header). */
const subjectLimit = 77;
const outputLimit = 500;

interface Story {
  host: string;
  ladder: LadderDefinition;
  nowMs: number;
  /** What is concluded about the ladder's check now. */
  status?: CheckStatus;
}

/** `tried`: the runs of this ladder in this episode, oldest first. */
export function problemMessage(
  story: Story & { tried: readonly Run[] },
): Record<string, unknown> & { subject: string; text: string } {
  const { host, ladder, nowMs, status } = story;
  const check = nameOf(ladder.trigger.check);
  const tried = story.tried.filter((run) => run.kind !== 'notify');
  const sent = tried.filter((run) => run.status !== 'cancelled' && run.status !== 'expired');
  const left = untried(ladder, sent);
  const gaveUp = sent.length > 0 && left.length === 0;
  const state = status?.state ?? 'unknown';
  const sinceMs = status?.problemSinceMs;
  const after = countedNames(sent);
  const finding = gaveUp
    ? `gave up after ${after}`
    : `${check} is ${state}${after === '' ? '' : ` after ${after}`}`;
  const output = cleanOutput(status);
  const lines = [
    `${host} ${ladder.runbook}: ${finding}`,
    '',
    `${check} is ${state.toUpperCase()}${sinceWords(sinceMs, nowMs)}`,
    ...indent(output),
    '',
    tried.length === 0 ? 'Nothing was tried yet.' : 'Tried:',
    ...tried.map((run) => `- ${runWords(run)}`),
    '',
    nextWords(left, gaveUp),
    `Why: mendd explain ${host}/${ladder.trigger.check}`,
  ];
  return {
    ...headOf('problem', story, `${host} ${ladder.runbook}: ${finding}`, lines.join('\n')),
    state,
    output,
    ...(sinceMs === undefined ? {} : { since: timeText(sinceMs) }),
    gaveUp,
    tried: tried.map(runData),
    untried: left.map((action) => nameOf(action.id)),
  };
}

/** `problem`: the message whose problem this ends. */
export function recoveryMessage(
  story: Story & { problem: Pick<OutboxMessage, 'key' | 'body'> },
): Record<string, unknown> & { subject: string; text: string } {
  const { host, ladder, nowMs, status, problem } = story;
  const check = nameOf(ladder.trigger.check);
  const okSinceMs = status?.state === 'ok' ? status.sinceMs : nowMs;
  const { since } = problem.body;
  const problemSinceMs = typeof since === 'string' ? Date.parse(since) : Number.NaN;
  const lasted = Number.isNaN(problemSinceMs) ? '' : `, after ${spanWords(okSinceMs - problemSinceMs)}`;
  const output = cleanOutput(status);
  const title = `${host} ${ladder.runbook}: recovered`;
  const lines = [
    title,
    '',
    `${check} is OK since ${clockWords(okSinceMs, nowMs)}${lasted}`,
    ...indent(output),
  ];
  return {
    ...headOf('recovery', story, title, lines.join('\n')),
    state: 'ok',
    output,
    ...(typeof since === 'string' ? { since } : {}),
    recovered: timeText(okSinceMs),
    problem: problem.key,
  };
}

function headOf(kind: OutboxMessage['kind'], story: Story, title: string, text: string) {
  const { host, ladder } = story;
  return {
    version: 1,
    kind,
    subject: cut(printable(`[mendd] ${title}`).replaceAll(/\s+/g, ' '), subjectLimit),
    text: `${text}\n`,
    host,
    runbook: ladder.runbook,
    ladder: ladder.id,
    check: ladder.trigger.check,
    at: timeText(story.nowMs),
  };
}

/** Repairs behind the last one that was sent; all of them before the first. */
function untried(ladder: LadderDefinition, sent: readonly Run[]): ActionDefinition[] {
  const last = ladder.rungs.findLastIndex((rung) => sent.some((run) => run.action === rung.id));
  return ladder.rungs.slice(last + 1).filter((rung) => rung.effect.kind !== 'notify' && rung.enabled);
}

function nextWords(left: readonly ActionDefinition[], gaveUp: boolean): string {
  if (gaveUp) return 'Next: nothing more happens by itself until it recovers. It needs you.';
  if (left.length === 0) return 'Next: there is no repair to try. It needs you.';
  const names = left.map((action) => nameOf(action.id)).join(', ');
  return `Next: ${names}, once nothing holds it back.`;
}

/** `restart x3, reboot`, in the order of the first run of each. */
function countedNames(runs: readonly Run[]): string {
  const counts = new Map<string, number>();
  for (const run of runs) counts.set(nameOf(run.action), (counts.get(nameOf(run.action)) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count === 1 ? name : `${name} x${count}`)).join(', ');
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
  if (run.outcome) words.push(cut(printable(run.outcome).replaceAll(/\s+/g, ' '), 200));
  return words.join(', ');
}

function runData(run: Run) {
  return {
    run: run.id,
    action: run.action,
    kind: run.kind,
    status: run.status,
    decided: timeText(run.decidedAtMs),
    ...(run.endedAtMs === undefined ? {} : { ended: timeText(run.endedAtMs) }),
    ...(run.exitCode === undefined ? {} : { exitCode: run.exitCode }),
    ...(run.outcome === undefined ? {} : { outcome: run.outcome }),
  };
}

/** Ids are `<runbook>.<name>`; the runbook stands beside it already. */
function nameOf(id: string): string {
  return id.slice(id.lastIndexOf('.') + 1);
}

function cleanOutput(status: CheckStatus | undefined): string {
  return cut(printable(status?.lastResult?.text ?? ''), outputLimit);
}

function indent(output: string): string[] {
  return output === '' ? [] : output.split('\n').map((line) => `  ${line}`);
}

function sinceWords(sinceMs: number | undefined, nowMs: number): string {
  if (sinceMs === undefined) return '';
  return ` since ${clockWords(sinceMs, nowMs)} (${spanWords(nowMs - sinceMs)})`;
}

/** Time of day; with the date when it is not today's. */
function clockWords(atMs: number, nowMs: number): string {
  const date = timeText(atMs).slice(0, 10);
  return `${date === timeText(nowMs).slice(0, 10) ? '' : `${date} `}${clockText(atMs)} UTC`;
}

function clockText(atMs: number): string {
  return timeText(atMs).slice(11, 16);
}

function timeText(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** Coarse on purpose: seconds below an hour, minutes above. */
function spanWords(ms: number): string {
  const stepMs = ms < 3_600_000 ? 1000 : 60_000;
  return formatDuration(Math.floor(Math.max(0, ms) / stepMs) * stepMs);
}

function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 3)}...`;
}
