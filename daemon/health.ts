/** Whether the daemon does its work, in sentences about what keeps it from it. It mends nothing. */
import type { Coordinator } from '../core/ports.ts';
import type { Health } from '../core/views.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';

/** `late`: what is wrong with the scheduler. */
export function healthOf(
  { history: { problem }, fleet: { quarantine } }: { history: History; fleet: Fleet },
  coordinator: Pick<Coordinator, 'stillValid'>,
  late: string | undefined,
): Health {
  const problems = [
    ...(quarantine === undefined ? [] : [`the ledger is not trusted: ${quarantine.text}`]),
    ...(problem === undefined ? [] : [`store: ${problem}`]),
    ...(coordinator.stillValid() ? [] : ['a newer daemon took over this store']),
    ...(late === undefined ? [] : [late]),
  ];
  return { ready: problems.length === 0, problems };
}
