/** Gathers what the target shows just before an action, and keeps it with the run. Judges only whether there is any. */
import { actionEnvironment } from '../actions/environment.ts';
import { evidenceBytes } from '../actions/evidence.ts';
import { type ActionDefinition, hostCheck } from '../core/definitions.ts';
import type { Runner, RunOutcome, Target } from '../core/ports.ts';
import type { Fleet } from './fleet.ts';
import type { Order } from './intent.ts';
import type { RunJournal } from './run-journal.ts';

/** Evidence must not hold up a repair for long. Milliseconds. */
const evidenceTimeoutMs = 15_000;

export interface EvidenceOptions {
  fleet: Fleet;
  runner: Runner;
  journal: RunJournal;
  /** `unit`: the one that the trigger looks at. */
  evidence: (action: ActionDefinition, unit?: string) => string | undefined;
}

/** A string says why the action must not go on without it. Errors: MenddError when the ledger cannot be written. */
export async function gatherEvidence(
  options: EvidenceOptions,
  { action, ladder, host, run }: Order,
  target: Target,
): Promise<string | undefined> {
  const { fleet, runner, journal } = options;
  const { check } = ladder.trigger;
  const checks = check === hostCheck ? [] : (fleet.plan(host.name)?.checks ?? []);
  const probe = checks.find(({ id }) => id === check)?.probe;
  const script = options.evidence(action, probe?.kind === 'systemd_unit' ? probe.unit : undefined);
  if (script === undefined) return undefined;
  const outcome = await runner.run({
    target,
    script,
    timeoutMs: evidenceTimeoutMs,
    purpose: 'action',
    outputBytes: evidenceBytes,
    env: { ...actionEnvironment(host, run.id), ...action.env },
    ...(action.sudo === undefined ? {} : { sudo: action.sudo }),
  });
  const evidence = textOf(outcome);
  journal.note(run.id, 'evidence', `evidence: ${outcome.kind}`, { evidence });
  // The script itself always ends with 0: anything else is a shell or a sudo that did not let it begin.
  const isGathered = outcome.kind === 'exited' && outcome.exitCode === 0 && evidence.trim() !== '';
  if (isGathered || !action.requireEvidence) return undefined;
  const first = evidence.trim().split('\n')[0]?.slice(0, 300) ?? '';
  return `evidence is required and could not be gathered (${outcome.kind}): ${first === '' ? 'there was none' : first}`;
}

function textOf(outcome: RunOutcome): string {
  if (outcome.kind === 'unreachable') return outcome.failure.message;
  return outcome.kind === 'not_sent' ? outcome.reason : `${outcome.stdout}${outcome.stderr}`;
}
