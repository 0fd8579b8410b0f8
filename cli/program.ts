/** Names the commands, in the order people meet them. What each does is in its file, and what it needs is loaded when it runs. */
import { Command } from 'commander';
import { version } from '../daemon/version.ts';
import { addAck } from './ack.ts';
import { addAct } from './act.ts';
import { addDemo } from './add-demo.ts';
import { addAlert } from './alert.ts';
import { addApprovals } from './approvals.ts';
import { addApprove } from './approve.ts';
import { addAudit } from './audit.ts';
import { addBackup } from './backup.ts';
import { addBrake } from './brake.ts';
import { addCancel } from './cancel.ts';
import { addCheck } from './check.ts';
import { addChecks } from './checks.ts';
import { addCompletion } from './completion.ts';
import { addConfig } from './config.ts';
import { addCoverage } from './coverage.ts';
import { addDb } from './db.ts';
import { addDecisions } from './decisions.ts';
import { addDoctor } from './doctor.ts';
import { addDowntime } from './downtime.ts';
import { addEvents } from './events.ts';
import { addExplain } from './explain.ts';
import { addFacts } from './facts.ts';
import { addHistory } from './history.ts';
import { addHosts } from './hosts.ts';
import { addImport } from './import.ts';
import { addInit } from './init.ts';
import { addInventory } from './inventory.ts';
import { addLibrary } from './library.ts';
import { addMan } from './man.ts';
import { addNotify } from './notify.ts';
import { addOutcomes } from './outcomes.ts';
import { addPause } from './pause.ts';
import { addPlan } from './plan.ts';
import { addRearm } from './rearm.ts';
import { addRecheck } from './recheck.ts';
import { addRegister } from './register.ts';
import { addRegistrations } from './registrations.ts';
import { addReject } from './reject.ts';
import { addReload } from './reload.ts';
import { addReplay } from './replay.ts';
import { addResume } from './resume.ts';
import { addRollback } from './rollback.ts';
import { addRunbooks } from './runbooks.ts';
import { addRuns } from './runs.ts';
import { addSchema } from './schema.ts';
import { addServe } from './serve.ts';
import { addSilence } from './silence.ts';
import { addStatus } from './status.ts';
import { addSubmit } from './submit.ts';
import { addToken } from './token.ts';
import { addTrust } from './trust.ts';
import { addValidate } from './validate.ts';
import { addVersion } from './version.ts';

const groups: readonly [heading: string, commands: readonly ((program: Command) => void)[]][] = [
  ['Start:', [addDemo, addInit, addLibrary, addImport, addValidate, addDoctor, addServe]],
  [
    'Look:',
    [
      addStatus,
      addHosts,
      addInventory,
      addFacts,
      addChecks,
      addRuns,
      addHistory,
      addDecisions,
      addEvents,
      addRunbooks,
      addExplain,
      addOutcomes,
      addConfig,
    ],
  ],
  [
    'Do:',
    [
      addCheck,
      addRecheck,
      addSubmit,
      addAlert,
      addAct,
      addCancel,
      addPause,
      addResume,
      addNotify,
      addPlan,
      addReplay,
      addReload,
      addRollback,
    ],
  ],
  ['Answer:', [addApprovals, addApprove, addReject, addRegister, addRegistrations]],
  ['Hold back:', [addAck, addSilence, addDowntime, addCoverage, addBrake, addTrust, addRearm]],
  ['Keep:', [addToken, addAudit, addBackup, addDb, addSchema, addCompletion, addMan, addVersion]],
];

export function createProgram(): Command {
  const program = new Command('mendd')
    .description('Keeps hosts healthy over SSH: Nagios-style checks, and repairs that are verified.')
    .version(version)
    .showHelpAfterError('(--help tells how)')
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 failed, 64 usage, 65 bad definitions, 69 daemon unreachable, 75 try again,\n77 permission, 78 configuration missing; check, recheck and status:\nNagios codes 0 to 3.',
    );
  for (const [heading, commands] of groups) {
    program.commandsGroup(heading);
    for (const add of commands) add(program);
  }
  program.helpCommand('help [command]', 'tell how a command is used');

  return program;
}
