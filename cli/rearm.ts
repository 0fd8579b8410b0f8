/**
 * `mendd rearm`: trusts a ledger again that was found damaged or old. Through the daemon; or on the file itself, where no token
 * survived.
 */
import type { Command } from 'commander';
import { exitCodes } from '../core/errors.ts';
import type { QuarantineRow } from './api-types.ts';
import {
  addCommand,
  type ChangeOptions,
  mustAskDaemon,
  openSession,
  withChange,
  withReason,
} from './command.ts';
import { CommandError, usageError } from './exit.ts';
import { loginName, withExistingLedger } from './ledger-file.ts';
import { Output } from './output.ts';
import { plain } from './plain-text.ts';

interface RearmOptions extends ChangeOptions {
  reason: string;
  offline: boolean;
}

export function addRearm(program: Command): void {
  const summary =
    'trust the ledger again, when nothing that was sent can still be running; needs the scope admin';
  const command = addCommand(program, 'rearm', summary, [
    "rearm --reason 'restored the backup of tonight; no run was open'",
    "rearm --offline --reason 'no token survived'   # on the store itself",
  ]);
  withReason(withChange(command))
    .option('--offline', 'on the store itself; a daemon that runs must be started again', false)
    .action(async (options: RearmOptions, self: Command) => {
      if (options.offline && self.getOptionValueSource('api') === 'cli')
        throw usageError('--offline asks no daemon.', 'Leave out --api.');
      if (options.offline) mustAskDaemon(options);
      const lifted = options.offline ? await rearmFile(options) : await rearmDaemon(options);
      const out = new Output(options.output);
      out.value(lifted, () => [
        plain(`The ledger is trusted again; it was not (${lifted.cause}): ${lifted.text}`),
      ]);
      if (options.offline) out.talk('A daemon that runs takes it up when it is started again.');
    });
}

async function rearmDaemon(options: RearmOptions): Promise<QuarantineRow> {
  const { client } = await openSession(options);
  return client.post<QuarantineRow>('/api/v1/rearm', { reason: options.reason });
}

async function rearmFile(options: RearmOptions): Promise<QuarantineRow> {
  const { reason } = options;
  const by = loginName();
  return withExistingLedger(options, (ledger) => {
    const quarantine = ledger.quarantine();
    if (quarantine === undefined)
      throw new CommandError(exitCodes.failed, 'The ledger is trusted; there is nothing to re-arm.');
    ledger.audit({
      atMs: Date.now(),
      kind: 'command',
      actor: `person:${by}`,
      event: 'ledger.rearmed',
      body: { reason, offline: true },
    });
    // Recorded before it is lifted: a crash between the two leaves it closed.
    ledger.rearm();
    const { cause, sinceMs, text } = quarantine;
    return { cause, since: new Date(sinceMs).toISOString(), text };
  });
}
