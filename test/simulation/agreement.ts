/** Compares the books with what a daemon found on its disk, and with what it came to in the end. */
import { isDeepStrictEqual } from 'node:util';
import { isOpen } from '../../core/types.ts';
import type { Life } from './daemon-life.ts';
import type { HistoryModel } from './history-model.ts';
import type { LedgerModel } from './ledger-model.ts';
import { idsOf } from './limit-invariants.ts';

export interface Books {
  ledger: LedgerModel;
  history: HistoryModel;
  /** Latest wall time that there was: what was forgotten then is not known again when the clock is set back. */
  latestMs: number;
}

/** The next life knows what the last one was told is durable. A sentence, or undefined. */
export function restartBreach(life: Life, books: Books): string | undefined {
  const { coordinator, healing, recovered } = life;
  const { ledger, history } = books;
  const trouble = [...recovered, ...(healing.fleet.quarantine === undefined ? [] : ['quarantine'])];
  if (trouble.length > 0) return `after the restart: ${trouble.join(' ')}`;
  const differs = history.differs(healing);
  if (differs !== undefined) return `after the restart ${differs}`;
  for (const [id, { status }] of ledger.approvals) {
    const now = coordinator.approval(id)?.status ?? 'gone';
    if (now !== status) return `approval ${id} is ${now} and was ${status}`;
  }
  return (
    sameKept('brakes', coordinator.brakes(), [...ledger.brakes.values()]) ??
    sameKept('caps', coordinator.trust(), [...ledger.caps.values()]) ??
    sameKept('pauses', asList(coordinator.paused(0)), asList(ledger.pause)) ??
    agreementBreach(life, books)
  );
}

/** In whatever order. */
function sameKept(what: string, now: readonly object[], before: readonly object[]): string | undefined {
  const isSame =
    now.length === before.length &&
    before.every((each) => now.some((other) => isDeepStrictEqual(each, other)));
  if (isSame) return undefined;
  return `after the restart the ${what} are ${JSON.stringify(now)} and were ${JSON.stringify(before)}`;
}

function asList<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

function agreementBreach(life: Life, { ledger, history, latestMs }: Books): string | undefined {
  const { coordinator, store, healing } = life;
  const { fleet } = healing;
  for (const [id, { status, intent }] of ledger.runs) {
    const stored = coordinator.get(id)?.status ?? 'gone';
    if (stored !== status) return `run ${id} is ${stored} in the ledger and was ${status}`;
    const state = fleet.state(intent.host);
    const inMemory = state?.runs.find((run) => run.id === id);
    const isOld = intent.decidedAtMs <= latestMs - fleet.memoryMs();
    const isForgotten = inMemory === undefined && (isOld || state === undefined);
    if (inMemory?.status !== status && !isForgotten)
      return `run ${id} is ${inMemory?.status ?? 'unknown'} to the fleet and was ${status}`;
  }
  let [stored, cursor]: [number, string | undefined] = [0, undefined];
  do {
    const page = store.transitions({ limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    stored += page.items.length;
    cursor = page.next;
  } while (cursor !== undefined);
  if (stored === history.transitions) return undefined;
  return `${stored} transitions are stored, ${history.transitions} were acknowledged`;
}

/** After long calm: everything that was sent is judged, and every transition was told. */
export function calmBreach(
  life: Life,
  books: Books,
  isReachable: (host: string) => boolean,
): string | undefined {
  const { ledger } = books;
  const open = [...ledger.runs.values()].filter(({ intent, status }) => {
    return (
      isOpen({ status }) && (intent.kind !== 'notify' || status !== 'intended') && isReachable(intent.host)
    );
  });
  if (open.length > 0) return `still open after the calm: ${idsOf(open)}`;
  const { emitted, acknowledged } = life;
  if (emitted !== acknowledged) return `${emitted} transitions were concluded, ${acknowledged} stored`;
  const untold = untoldBreach(life, ledger);
  if (untold !== undefined) return untold;
  const audit = life.coordinator.verifyAudit();
  if (!audit.ok) return `the audit chain is broken: ${JSON.stringify(audit)}`;
  return agreementBreach(life, books);
}

/** Every end in the ledger is an event of the history, once, whatever died or was lost between the two. */
function untoldBreach({ store }: Life, ledger: LedgerModel): string | undefined {
  const ends = new Map<string, number>();
  for (const { type, runId = '', data } of store.eventsAfter(0, 1_000_000)) {
    const end = `${runId} ${String(data['status'])}`;
    if (type === 'action.ended') ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  for (const [id, { status }] of ledger.runs) {
    const times = ends.get(`${id} ${status}`) ?? 0;
    if (!isOpen({ status }) && times !== 1) return `${id} ended ${status}, which was told ${times} times`;
  }
  return undefined;
}
