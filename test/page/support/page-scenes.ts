/** What happens again and again in the tests of the page: something breaks, is healed, or waits for a person. */
import { expect } from 'vitest';
import type { HostName } from './page-definitions.ts';
import type { PageFleet } from './page-fleet.ts';

export interface SeenRun {
  id: string;
  host: string;
  action: string;
  status: string;
}

export interface SeenApproval {
  id: string;
  status: string;
  tag: string;
}

export async function runsOf(fleet: PageFleet, host: HostName): Promise<SeenRun[]> {
  return (await fleet.get<{ items: SeenRun[] }>(`/api/v1/runs?host=${host}`)).items;
}

/** The worker dies and is healed by the rule. */
export async function healedWorker(fleet: PageFleet, host: HostName): Promise<SeenRun> {
  const before = (await runsOf(fleet, host)).length;
  fleet.hosts[host].breakWorker('crash');
  let healed: SeenRun | undefined;
  await fleet.until(`the worker of ${host} is healed`, async () => {
    const runs = await runsOf(fleet, host);
    expect(runs.length).toBe(before + 1);
    expect(runs[0]?.status).toBe('verified');
    healed = runs[0];
  });
  if (healed === undefined) throw new Error('no run');
  return healed;
}

/** The disk of db-1 is full, and a person is asked. */
export async function waitingApproval(fleet: PageFleet): Promise<SeenApproval> {
  fleet.say('db-1', 'space', 'critical');
  let waiting: SeenApproval | undefined;
  await fleet.until('a person is asked', async () => {
    const { items } = await fleet.get<{ items: SeenApproval[] }>('/api/v1/approvals?status=waiting');
    [waiting] = items;
    const why =
      items.length === 1 ? '' : JSON.stringify(await fleet.get('/api/v1/explain?host=db-1&check=disk.space'));
    expect(items.length, why).toBe(1);
  });
  if (waiting === undefined) throw new Error('nobody was asked');
  return waiting;
}
