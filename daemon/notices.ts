/** What people are told about the daemon as a whole: brakes, doubt, lost trust, ends of questions. Words only; daemon/messages.ts queues. */
import type { Notice } from '../actions/notice-message.ts';
import type { Approval, BrakeState, Doubt, Quarantine, TrustCap } from '../core/safety.ts';
import { quoteShell } from '../core/shell-quote.ts';
import type { Run } from '../core/types.ts';
import type { HeldReload } from '../core/views.ts';
import type { Messages } from './messages.ts';

/** Milliseconds. */
const toldEveryMs = 3_600_000;

/** Over at once, or part of every start: nothing that a person has to know of at night. */
const quietDoubts: readonly Doubt['cause'][] = [
  'event_loop_stalled',
  'clock_jumped',
  'suspended',
  'fresh_round_pending',
];

/** The conversation in which it is told. */
export function brakeName({ scope, sinceMs }: Pick<BrakeState, 'scope' | 'sinceMs'>): string {
  return `brake~${scope}~${sinceMs}`;
}

export function brakeOn(messages: Messages, state: BrakeState): void {
  const { scope, cause, unhealthy, hosts, allowed } = state;
  const figures = `${unhealthy} of ${hosts} hosts were unhealthy, ${allowed} are allowed`;
  const why = cause === 'mass_failure' ? figures : 'its budget of repairs is spent';
  const conversation = brakeName(state);
  const notice = {
    topic: 'brake.engaged',
    title: `brake on for ${scope}`,
    sentence: `No action starts in ${scope}: ${why}.`,
    todo: `Find what they have in common; \`mendd brake release ${scope} --reason ...\` lets actions go on.`,
  };
  messages.notice(`${conversation}~on`, notice, { kind: 'problem', conversation });
}

export function brakeOff(messages: Messages, state: Pick<BrakeState, 'scope' | 'sinceMs'>, by: string): void {
  const { scope } = state;
  const conversation = brakeName(state);
  const notice = {
    topic: 'brake.released',
    title: `brake off for ${scope}`,
    sentence: `Actions may start in ${scope} again; released by ${by}.`,
  };
  messages.notice(`${conversation}~off`, notice, { kind: 'recovery', conversation });
}

export function doubt(messages: Messages, { cause, sinceMs, opens }: Doubt): void {
  if (quietDoubts.includes(cause)) return;
  // What comes and goes is told once an hour.
  messages.notice(`doubt~${cause}~${Math.floor(sinceMs / toldEveryMs)}`, {
    topic: 'doubt.began',
    title: 'the ops box doubts what it sees',
    sentence: `No action starts (${cause.replaceAll('_', ' ')}) until: ${opens}.`,
    todo: 'Look at the network of the ops box, and at what many hosts have in common.',
  });
}

export function demoted(messages: Messages, { action, mode, reason, sinceMs }: TrustCap): void {
  messages.notice(`demoted~${action}~${sinceMs}`, {
    topic: 'action.demoted',
    title: `${action} lost trust`,
    sentence: `It is in mode ${mode} from now on: ${reason}.`,
    todo: `Find out why; \`mendd trust promote ${action} --reason ...\` trusts it again.`,
    action,
  });
}

export function settled(approval: Approval): Omit<Notice, 'nowMs'> {
  const { host, action, status, answer = '', decidedBy = '' } = approval;
  const isMissed = status === 'expired' || status === 'lapsed';
  const why = answer === '' ? '' : `: ${answer}`;
  return {
    topic: isMissed ? `approval.${status}` : 'approval.settled',
    title: isMissed ? `${action} was not done` : `${action} was ${status}`,
    sentence: isMissed
      ? `The question whether it may run ${status}${why}.`
      : `${decidedBy.replace(/^person:/, '')} ${status} it${why}.`,
    host,
    action,
  };
}

export function stillDrained(messages: Messages, { id, host, action }: Run, why: string): void {
  messages.notice(`${id}~still_drained`, {
    topic: 'reboot.still_drained',
    title: 'it is still drained',
    sentence: `The undrain hook of ${action} did not run: ${why}.`,
    todo: 'Run it by hand when the host is well.',
    host,
    action,
  });
}

export function quarantined(messages: Messages, { cause, sinceMs, text }: Quarantine): void {
  messages.notice(`quarantine~${sinceMs}`, {
    topic: 'store.quarantined',
    title: 'the ledger is not trusted',
    sentence: `No action starts (${cause}): ${text}`,
    todo: 'When nothing that was sent before can still be running: `mendd rearm --reason ...`.',
  });
}

export function auditBroken(messages: Messages, brokenAtSeq: number, problem: string): void {
  messages.notice(`audit~${brokenAtSeq}`, {
    topic: 'audit.broken',
    title: 'the audit was altered',
    sentence: `The record of who did what is not as it was written: ${problem}.`,
    todo: 'Keep a copy of the ledger, and compare `mendd audit verify` with the heads in the log and at the webhook.',
  });
}

export function definitionsHeld(messages: Pick<Messages, 'notice'>, held: HeldReload): void {
  const { revision, commit, why } = held;
  messages.notice(`definitions~held~${commit ?? revision}~${why.length}`, {
    topic: 'definitions.held',
    title: 'new definitions wait for a person',
    sentence: `Those before stay in force: ${why.join('; ')}.`,
    todo: `Look at \`mendd plan\`; \`mendd reload --confirm ${revision}\` lets exactly these in.`,
  });
}

/** `data`: of the event. */
export function inventoryHeld(
  messages: Messages,
  { inventory, vanished, of, tag }: Readonly<Record<string, unknown>>,
): void {
  messages.notice(`inventory~${String(inventory)}~${String(tag)}`, {
    topic: 'inventory.held',
    title: `the inventory ${String(inventory)} waits for a person`,
    sentence: `${String(vanished)} of ${String(of)} hosts vanished from it at once, and are kept.`,
    todo: `Look at \`mendd inventory list\`; \`mendd inventory accept ${quoteShell(String(inventory))} --reason ...\` lets them go.`,
  });
}
