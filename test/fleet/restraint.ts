/** What scenarios of restraint ask the daemon and the machines. Starts, breaks and changes nothing. */
import { expect } from 'vitest';
import type { Wire } from '../../api/wire.ts';
import type { StoredDecision } from '../../core/decisions.ts';
import type { AuditVerdict } from '../../core/safety.ts';
import type { Run } from '../../core/types.ts';
import type { Daemon } from './daemon.ts';
import { until } from './harness.ts';
import type { Machine } from './machine.ts';

type Closed = Wire<StoredDecision>['gates'][number];

/** Number of the newest event: what a scenario waits for comes after it. */
export const newest = (daemon: Daemon): number => daemon.events.at(-1)?.id ?? 0;

/** The gate that held the action on the host, asked again at or after `sinceMs`. */
export async function held(daemon: Daemon, host: string, reason: string, sinceMs = 0): Promise<Closed> {
  return daemon.explained(
    until(`${host} is held by ${reason}`, async () => {
      const decision = (await daemon.decisions(host)).find(
        (each) => each.reason === reason && each.verdict === 'held' && Date.parse(each.lastAt) >= sinceMs,
      );
      return decision?.gates.find((each) => !each.passed);
    }),
  );
}

/** The first run that ends on the host after the event `afterId`. */
export async function outcome(daemon: Daemon, host: string, afterId: number): Promise<string> {
  const { data } = await daemon.waitFor(
    `a run on ${host} has ended`,
    (event) => event.type === 'action.ended' && event.host === host,
    90_000,
    afterId,
  );
  return String(data.status);
}

export async function untilState(daemon: Daemon, host: string, check: string, state: string): Promise<void> {
  await daemon.explained(
    until(`${check} of ${host} is ${state}`, async () => {
      const found = (await daemon.checks()).find((each) => each.host === host && each.check === check);
      return found?.status.state === state ? true : undefined;
    }),
  );
}

export const isActive = async (machine: Machine): Promise<boolean> =>
  (await machine.exec('systemctl is-active worker')).code === 0;

export async function expectWholeAudit(daemon: Daemon): Promise<void> {
  const { status, body } = await daemon.ask('GET', '/api/v1/audit/verify');
  expect(status).toBe(200);
  const verdict = body as Wire<AuditVerdict>;
  expect(verdict).toMatchObject({ ok: true });
  expect(verdict.entries).toBeGreaterThan(0);
}

export async function openedSince(daemon: Daemon, afterMs: number): Promise<Wire<Run>[]> {
  return (await daemon.runs()).filter((run) => Date.parse(run.decidedAt) >= afterMs);
}
