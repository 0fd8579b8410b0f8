/**
 * Sends actions under the guard script and reads its answers. It decides nothing and never sends twice: what it
 * cannot read is `unknown`, to be resolved by `inspect`.
 */
import { randomBytes } from 'node:crypto';
import type { SudoDefinition } from '../core/definitions.ts';
import type {
  FactsQuestion,
  GuardOutcome,
  GuardRecord,
  GuardRequest,
  HumanProbe,
  TargetFacts,
  TargetGuard,
} from '../core/guard-port.ts';
import type { Runner, RunOutcome, Target } from '../core/ports.ts';
import type { TransportFailure } from '../core/types.ts';
import { guardFactsScript } from './facts-script.ts';
import { type GuardAnswer, readGuardAnswer } from './guard-answer.ts';
import { guardInspectScript, guardScript, isIntentId, keptOutputBytes } from './guard-script.ts';
import { readSigns } from './human-signs.ts';

export interface TargetGuardOptions {
  /** Unguessable text of [0-9a-z] that marks the guard's own lines; a new one for each script. */
  nonce?: () => string;
  /**
   * Where each host keeps the guard's records, an absolute path; created with mode 0711, all in it private. Default: /run/mendd for
   * root, ~/.cache/mendd/run for others.
   */
  directory?: string;
  /** From TERM to KILL of a command that is out of time. Default 5 s. */
  killGraceMs?: number;
}

/** Both streams, each line with its prefix, and the guard's own lines. */
const answerBytes = 4 * keptOutputBytes + 4096;
/** What the guard itself may need on a slow machine before it answers. */
const overheadMs = 10_000;
const questionTimeoutMs = 30_000;
/** A century: what is reckoned with a longer one may be no time. */
const longestUptimeSec = 3_155_760_000;

type Refusal = Extract<GuardOutcome, { kind: 'refused' }>;
const refusals: readonly string[] = [
  'duplicate',
  'busy',
  'too_late',
  'fenced',
  'boot_changed',
  'unit_changed',
  'unusable',
] satisfies Refusal['reason'][];

export function createTargetGuard(
  runner: Pick<Runner, 'run'>,
  options: TargetGuardOptions = {},
): TargetGuard {
  const nonceOf = options.nonce ?? (() => randomBytes(12).toString('hex'));
  const { directory } = options;
  const graceSec = Math.max(1, Math.ceil((options.killGraceMs ?? 5_000) / 1000));

  const ask = (target: Target, script: string, sudo: SudoDefinition | undefined): Promise<RunOutcome> =>
    runner.run({
      target,
      script,
      timeoutMs: questionTimeoutMs,
      purpose: 'action',
      outputBytes: answerBytes,
      ...(sudo === undefined ? {} : { sudo }),
    });

  return {
    async run(request: GuardRequest): Promise<GuardOutcome> {
      const { intent } = request;
      if (!isIntentId(intent.id)) return { kind: 'refused', reason: 'unusable', message: badId(intent.id) };
      const nonce = nonceOf();
      const limitSec = Math.max(1, Math.ceil(request.timeoutMs / 1000));
      const outcome = await runner.run({
        target: request.target,
        script: guardScript({
          place: { nonce, intentId: intent.id, directory },
          fence: intent.fence,
          preconditions: intent.preconditions,
          command: request.script,
          limitSec,
          graceSec,
        }),
        timeoutMs: (limitSec + graceSec) * 1000 + overheadMs,
        purpose: 'action',
        outputBytes: answerBytes,
        beforeSend: request.beforeSend,
        ...(request.sudo === undefined ? {} : { sudo: request.sudo }),
        ...(request.env === undefined ? {} : { env: request.env }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      return readRun(outcome, nonce, limitSec * 1000);
    },

    async inspect(target: Target, intentId: string, sudo?: SudoDefinition): Promise<GuardRecord> {
      if (!isIntentId(intentId)) return { kind: 'unreachable', failure: unanswered(badId(intentId)) };
      const nonce = nonceOf();
      return readRecord(await ask(target, guardInspectScript({ nonce, intentId, directory }), sudo), nonce);
    },

    async facts(target: Target, question: FactsQuestion = {}): Promise<TargetFacts> {
      const nonce = nonceOf();
      const { unit, people, sudo } = question;
      return readFacts(
        await ask(target, guardFactsScript({ nonce, unit, people, directory }), sudo),
        nonce,
        people,
      );
    },
  };
}

function readRun(outcome: RunOutcome, nonce: string, limitMs: number): GuardOutcome {
  if (outcome.kind === 'not_sent') return { kind: 'not_sent', reason: outcome.reason };
  if (outcome.kind === 'unreachable') {
    if (!outcome.failure.sent) return { kind: 'not_sent', reason: outcome.failure.message };
    return { kind: 'unknown', failure: outcome.failure };
  }
  const answer = readGuardAnswer(outcome.stdout, nonce);
  const { stdout, stderr } = answer;
  const last = answer.lines.at(-1);
  if (last?.word === 'refused') return readRefusal(last.rest);
  const exit = last?.word === 'exit' ? /^(\d{1,3}) ([01])$/.exec(last.rest) : null;
  if (exit?.[2] === '1') return { kind: 'timed_out', limitMs, stdout, stderr };
  if (exit) {
    const { durationMs } = outcome;
    return {
      kind: 'ran',
      exitCode: Number(exit[1]),
      stdout,
      stderr,
      truncated: answer.truncated,
      durationMs,
    };
  }
  // sudo, sh or setsid refused before the guard ran: it never ends with one of these once it has begun.
  if (outcome.kind === 'exited' && !last && [1, 126, 127].includes(outcome.exitCode)) {
    return { kind: 'refused', reason: 'unusable', message: describe(outcome) };
  }
  return { kind: 'unknown', failure: incomplete(outcome) };
}

function readRefusal(rest: string): Refusal {
  const space = rest.indexOf(' ');
  const reason = refusals.includes(rest.slice(0, space))
    ? (rest.slice(0, space) as Refusal['reason'])
    : 'unusable';
  return { kind: 'refused', reason, message: rest.slice(space + 1) };
}

function readRecord(outcome: RunOutcome, nonce: string): GuardRecord {
  if (outcome.kind === 'unreachable') return outcome;
  const answer = answerOf(outcome, nonce);
  const last = answer?.lines.at(-1);
  const [bootId = '', exitCode = ''] = last?.rest.split(' ') ?? [];
  switch (last?.word) {
    case 'absent':
    case 'running':
    case 'interrupted':
      return { kind: last.word, bootId };
    case 'finished':
      if (!answer || !/^\d{1,3}$/.test(exitCode)) break;
      return {
        kind: 'finished',
        bootId,
        exitCode: Number(exitCode),
        stdout: answer.stdout,
        stderr: answer.stderr,
      };
    case 'refused':
      return { kind: 'unreachable', failure: unanswered(readRefusal(last.rest).message) };
    default:
  }
  return { kind: 'unreachable', failure: unanswered(describe(outcome)) };
}

/** Looking for people that did not come to its end is no answer: it may have missed somebody. */
function readFacts(outcome: RunOutcome, nonce: string, probe: HumanProbe | undefined): TargetFacts {
  if (outcome.kind === 'unreachable') return outcome;
  const lines = answerOf(outcome, nonce)?.lines ?? [];
  const [line, ...findings] = lines;
  if (line?.word !== 'facts' || (probe !== undefined && lines.at(-1)?.word !== 'end')) {
    return { kind: 'unreachable', failure: unanswered(describe(outcome)) };
  }
  const [bootId = '-', uptime = '-', invocationId = '-', fence = ''] = line.rest.split(' ');
  const uptimeSec = Number(uptime);
  if (bootId === '-' || !(uptimeSec >= 0 && uptimeSec <= longestUptimeSec)) {
    const message =
      'the host does not tell its boot id or its uptime, so nothing could be proved about an action';
    return { kind: 'unreachable', failure: unanswered(message) };
  }
  return {
    kind: 'facts',
    bootId,
    uptimeSec,
    ...(invocationId === '-' ? {} : { invocationId }),
    ...(/^\d{1,15}$/.test(fence) ? { fenceSeen: Number(fence) } : {}),
    ...(probe === undefined ? {} : { people: readSigns(findings, probe, uptimeSec) }),
  };
}

function answerOf(outcome: RunOutcome, nonce: string): GuardAnswer | undefined {
  return 'stdout' in outcome ? readGuardAnswer(outcome.stdout, nonce) : undefined;
}

/** The best sentence about a run that gave no answer of ours. */
function describe(outcome: RunOutcome): string {
  switch (outcome.kind) {
    case 'exited': {
      const said = outcome.stderr.trim().split('\n')[0] ?? '';
      return `the guard could not start there: exit ${outcome.exitCode}${said === '' ? '' : `, ${said.slice(0, 300)}`}`;
    }
    case 'killed':
      return `the guard was ended there by ${outcome.signal}`;
    case 'timed_out':
      return `the guard did not answer within ${Math.ceil(outcome.limitMs / 1000)} s`;
    case 'unreachable':
      return outcome.failure.message;
    case 'not_sent':
      return `it was not sent: ${outcome.reason}`;
  }
}

function badId(id: string): string {
  return `"${id}" cannot be the id of an intent: letters, digits and ._~- only, a letter or digit first, at most 200`;
}

/** A question the host did not answer; nothing was started by asking. */
function unanswered(message: string): TransportFailure {
  return {
    stage: 'channel',
    message,
    hint: 'Log in as the same user, with the same sudo, and run `sh -c "echo ok"`; then look at the message above.',
    sent: false,
  };
}

function incomplete(outcome: Exclude<RunOutcome, { kind: 'unreachable' | 'not_sent' }>): TransportFailure {
  return {
    stage: outcome.kind === 'timed_out' ? 'timeout' : 'lost',
    message: `the action was sent and its outcome is not known: ${
      outcome.kind === 'exited' ? 'the answer of the guard is incomplete' : describe(outcome)
    }`,
    hint: 'The record on the host tells what became of it; it is never sent again.',
    sent: true,
  };
}
