/** Records a start in the history and the audit chain, and tells what was found of the store before anything else happens. */
import { MenddError } from '../core/errors.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { Healing } from './healing.ts';
import type { Log } from './log.ts';
import * as notices from './notices.ts';
import { version } from './version.ts';

export interface StartRecordOptions extends Pick<Healing, 'history' | 'messages' | 'fleet' | 'auditWatch'> {
  clock: Clock;
  log: Log;
  coordinator: Coordinator;
  /** What had to be done to the files of the store, in sentences. */
  recovered: readonly string[];
}

/** A chain that cannot be written stops actions, as any other ledger trouble does, and never the start. */
export function recordStart(options: StartRecordOptions): void {
  const { clock, log, coordinator, recovered, history, messages, fleet, auditWatch } = options;
  for (const sentence of recovered) log.error(sentence);
  const start = { version, revision: fleet.definitions.revision, mode: fleet.mode };
  history.add('daemon.started', { data: start });
  try {
    auditWatch.lookAtEnd();
    coordinator.audit({
      atMs: clock.nowMs(),
      kind: 'daemon',
      actor: 'daemon',
      event: 'daemon.started',
      body: { ...start, recovered },
    });
  } catch (error) {
    if (!(error instanceof MenddError)) throw error;
    history.failed(error);
  }
  const { quarantine } = fleet;
  if (quarantine === undefined) return;
  history.add('store.quarantined', { data: { ...quarantine, recovered } });
  log.error({ ...quarantine }, 'the ledger is not trusted: no action starts until `mendd rearm`');
  notices.quarantined(messages, quarantine);
}
