/**
 * `mendd alert`: tells the daemon an alert as Prometheus and Alertmanager do, for scripts, and to see which checks it concerns. What it
 * leads to is the daemon's matter.
 */
import type { Command } from 'commander';
import { exitCodes } from '../core/errors.ts';
import { addCommand, type ChangeOptions, openSession, withChange } from './command.ts';
import { usageError } from './exit.ts';
import { pairsOf, withPairs } from './pairs.ts';
import { plain } from './plain-text.ts';
import { readDuration } from './times.ts';

interface AlertOptions extends ChangeOptions {
  label?: string[];
  annotation?: string[];
  for?: string;
  resolved: boolean;
}

interface AlertsTold {
  matched: number;
  items: { alert: string; status: string; checks: string[]; problem?: string }[];
}

export function addAlert(program: Command): void {
  const summary =
    'tell an alert, as Prometheus does; exit code 1 when it concerns no check. Needs a token with the scope submit';
  const command = addCommand(program, 'alert <name>', summary, [
    "alert QueueStuck --label instance=web-1:9100 --annotation summary='4711 jobs wait'",
    'alert QueueStuck --label instance=web-1:9100 --resolved',
    'alert QueueStuck --label instance=web-1:9100 --dry-run   # which checks it would concern',
  ]);
  const labelled = withPairs(withChange(command), '--label <key=value>', 'of the alert; may come again');
  withPairs(labelled, '--annotation <key=value>', 'summary and description become the text; may come again')
    .option('--for <duration>', 'over by itself after that, unless told again; else as the check says, or 5m')
    .option('--resolved', 'it is over', false)
    .action(tellAlert);
}

async function tellAlert(name: string, options: AlertOptions): Promise<void> {
  if (options.resolved && options.for !== undefined)
    throw usageError('--for is for an alert that fires.', 'Leave out --resolved.');
  if (options.key !== undefined && options.for !== undefined)
    throw usageError(
      '--key cannot go with --for: asked again, the alert would end at another time.',
      'Leave one out; an alert that is told twice does no harm.',
    );
  const alert = {
    labels: { ...pairsOf('--label', options.label), alertname: name },
    annotations: pairsOf('--annotation', options.annotation),
    status: options.resolved ? 'resolved' : 'firing',
    ...(options.for === undefined ? {} : { endsAt: endOf(options.for) }),
  };
  const { client, out } = await openSession(options);
  const told = await client.post<AlertsTold>('/api/v1/alerts', { alerts: [alert] });
  out.value(told, () =>
    told.items.flatMap(({ status, checks, problem }) => [
      ...checks.map((check) => plain(`${check} is told: ${status}.`)),
      ...(problem === undefined ? [] : [plain(`It concerns no check: ${problem}`)]),
    ]),
  );
  if (told.matched === 0) process.exitCode = exitCodes.failed;
}

function endOf(text: string): string {
  return new Date(Date.now() + readDuration('--for', text)).toISOString();
}
