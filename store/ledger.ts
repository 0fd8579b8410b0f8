/** Owns the ledger file: joins its tables into the `Coordinator` port of one box. Changes no run by itself. */

import type { AuditTrail } from '../core/ledger-ports.ts';
import type { Coordinator } from '../core/ports.ts';
import type { Intent } from '../core/types.ts';
import { answerTable } from './answers.ts';
import { approvalTable } from './approvals.ts';
import { auditTable } from './audit.ts';
import { brakeTable, trustTable } from './brakes.ts';
import type { Connection } from './connection.ts';
import { pauseRow, quarantineRow } from './controls.ts';
import { conversationTable } from './conversations.ts';
import { guarded } from './failure.ts';
import { fenceTable } from './fence.ts';
import { lackOf, type Mark, type MarkFile, markBeside } from './mark.ts';
import { outboxTable } from './outbox.ts';
import { registrationTable } from './registrations.ts';
import { runTable } from './runs.ts';
import { suppressionTable } from './suppressions.ts';
import { tokenTable } from './tokens.ts';

const shards = 256;
/** Rows of one table that one call of `prune` deletes. */
const pruneBatch = 500;

export interface LedgerOptions {
  member: string;
  /** Wall time, ms since the epoch. */
  nowMs: number;
  /** Told what does not stop the ledger and must not pass unseen. */
  warn: (sentence: string) => void;
  /** Told when it turns out to be older than its mark. */
  onOldCopy: (sentence: string) => void;
  /** In place of the one beside the file. */
  mark?: MarkFile;
}

/** The tables alone: nothing is verified, no fence is raised. */
export type LedgerTables = ReturnType<typeof ledgerTables>;

export function ledgerTables(db: Connection, file: string) {
  const fence = fenceTable(db, file);
  const pauses = pauseRow(db, file);
  const quarantine = quarantineRow(db, file);
  const suppressions = suppressionTable(db, file);
  const outbox = outboxTable(db);
  const approvals = approvalTable(db, file, outbox);
  const brakes = brakeTable(db, file);
  const trust = trustTable(db, file);
  const registrations = registrationTable(db, file);
  const audit = auditTable(db, file);
  const guards = {
    fence: fence.read,
    isQuarantined: () => quarantine.quarantine() !== undefined,
    isPaused: (nowMs: number) => pauses.paused(nowMs) !== undefined,
    isBraked: brakes.isOn,
    isApproved: approvals.isApproved,
  };
  const runs = runTable(db, file, guards, (intent) => {
    if (intent.kind !== 'notify') audit.append(decidedEntry(intent));
  });
  const conversations = conversationTable(db, file, outbox.enqueue);
  const tokens = tokenTable(db, file);
  const answers = answerTable(db, file, () => audit.auditHead()?.seq ?? 0);
  const restraints = { suppressions, approvals, brakes, trust, registrations };
  return { fence, pauses, quarantine, ...restraints, audit, runs, outbox, conversations, tokens, answers };
}

/**
 * Verifies every row but the audit's, compares the ledger with its mark, then takes the next fence token: from here on every
 * older member is fenced out. Errors: STORE_CORRUPT, STORE_UNUSABLE.
 */
export function createLedger(db: Connection, file: string, options: LedgerOptions): Coordinator {
  const tables = ledgerTables(db, file);
  const mark = options.mark ?? markBeside(file, options.warn);
  for (const verify of verifications(tables, options.nowMs)) verify();
  const left = mark.read();
  const age = ageOf(tables, file, left);
  if (age !== undefined && tables.quarantine.quarantine() === undefined) {
    // Before the fence is raised and the mark left: afterwards it would look as new as it should be.
    tables.quarantine.setQuarantine({ cause: 'restored', sinceMs: options.nowMs, text: age });
    options.onOldCopy(age);
  }
  const fence = tables.fence.raise(options.member, options.nowMs, left?.fence ?? 0);
  const { runs, audit } = tables;
  let sent: string | undefined;
  const leaveMark = (): void =>
    mark.write({ ...progressOf(tables), ...(sent === undefined ? {} : { sent }) });
  leaveMark();
  const stillValid = (): boolean => tables.fence.read() === fence;
  const { outbox, suppressions, approvals, answers } = tables;
  const prunedTables = [runs, outbox, tables.conversations, suppressions, approvals, audit, answers];

  return guarded<Coordinator>(file, {
    ...portOf(tables),
    member: options.member,
    fence,
    members: () => [options.member],
    stillValid,
    knowsFence: tables.fence.knows,
    acquire(shard) {
      assertShard(shard);
      return stillValid() ? fence : undefined;
    },
    // On one box nobody else could take it.
    release: assertShard,
    claim(intent, slots) {
      const verdict = runs.claim(intent, slots);
      if (verdict.kind === 'claimed') leaveMark();
      return verdict;
    },
    dispatched(runId, atMs) {
      runs.dispatched(runId, atMs);
      sent = runId;
      leaveMark();
    },
    audit(entry) {
      const written = audit.audit(entry);
      leaveMark();
      return written;
    },
    rearm: () => rearm(db, tables, fence),
    prune: (beforeMs) => prunedTables.map(({ prune }) => prune(beforeMs, pruneBatch)).includes(pruneBatch),
    close: () => void db.close(),
  });
}

/** What people say of the ledger holds also for the fences that hosts remember: those until now are known. */
export function rearm(db: Connection, { quarantine, fence }: LedgerTables, knownFence: number): boolean {
  const lift = db.transaction((): boolean => {
    if (!quarantine.rearm()) return false;
    fence.trust(knownFence);
    return true;
  });
  return lift.immediate();
}

function portOf(tables: LedgerTables) {
  const { runs, outbox, suppressions, approvals, brakes, trust, audit, quarantine, tokens } = tables;
  const { registrations, answers } = tables;
  const { advance, get, open, list, summaries } = runs;
  const { enqueue, dueMessages, messageSent, messageFailed, unrecovered, ...book } = outbox;
  const { prune: _outbox, withdraw: _withdraw, ...messages } = book;
  return {
    advance,
    get,
    open,
    list,
    summaries,
    enqueue,
    dueMessages,
    messageSent,
    messageFailed,
    unrecovered,
    ...messages,
    conversations: tables.conversations.conversations,
    converse: tables.conversations.converse,
    ...tables.pauses,
    ...tokens,
    takeKey: answers.takeKey,
    keepAnswer: answers.keepAnswer,
    suppressions: suppressions.suppressions,
    addSuppression: suppressions.addSuppression,
    endSuppression: suppressions.endSuppression,
    approvals: approvals.approvals,
    approval: approvals.approval,
    askApproval: approvals.askApproval,
    askAgain: approvals.askAgain,
    settleApproval: approvals.settleApproval,
    brakes: brakes.brakes,
    saveBrake: brakes.saveBrake,
    clearBrake: brakes.clearBrake,
    trust: trust.trust,
    saveTrust: trust.saveTrust,
    registrations: registrations.registrations,
    saveRegistration: registrations.saveRegistration,
    removeRegistration: registrations.removeRegistration,
    quarantine: quarantine.quarantine,
    setQuarantine: quarantine.setQuarantine,
    auditHead: audit.auditHead,
    auditEntries: audit.auditEntries,
    verifyAudit: audit.verifyAudit,
    walkAudit: audit.walkAudit,
  };
}

/** Each looks at every row of one table, but for the audit at its ends alone. Errors of each: STORE_CORRUPT. */
export function verifications(tables: LedgerTables, nowMs: number): (() => void)[] {
  const { runs, fence, suppressions, approvals, brakes, trust, audit, tokens, pauses, quarantine } = tables;
  const { registrations, conversations } = tables;
  const documents = [suppressions, approvals, brakes, trust, registrations, conversations];
  return [
    ...[runs, fence, ...documents, audit].map((table) => () => table.verify()),
    () => void tokens.tokens(),
    () => void pauses.paused(nowMs),
    () => void quarantine.quarantine(),
  ];
}

function progressOf({ fence, runs, audit }: LedgerTables): Mark {
  return { fence: fence.read(), run: runs.lastSeq(), audit: audit.auditHead()?.seq ?? 0 };
}

/** In what it is older than its mark; undefined when in nothing. */
export function ageOf(tables: LedgerTables, file: string, mark: Mark | undefined): string | undefined {
  if (mark === undefined) return undefined;
  const wasSent = (runId: string): boolean => {
    const run = tables.runs.get(runId);
    return run === undefined || run.dispatchedAtMs !== undefined;
  };
  const lack = lackOf(progressOf(tables), mark, wasSent);
  return lack && `${file} is older than the ledger that was here before: ${lack}.`;
}

function decidedEntry(intent: Intent): Parameters<AuditTrail['audit']>[0] {
  const { id: run, host, action, attempt, command, reason, revision, approvedBy } = intent;
  return {
    atMs: intent.decidedAtMs,
    kind: 'decision',
    actor: intent.decidedBy,
    event: 'run.decided',
    body: { run, host, action, attempt, command, reason, revision, approvedBy },
  };
}

function assertShard(shard: number): void {
  if (!Number.isInteger(shard) || shard < 0 || shard >= shards)
    throw new RangeError(`there is no shard ${shard}`);
}
