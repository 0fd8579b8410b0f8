/**
 * The shapes of gates, decisions, runs and explanations as the API answers them. See api/shapes.ts for the rules.
 */
import { z } from 'zod';
import { gateNames, reasons } from '../core/decisions.ts';
import { count, named, noted, RunSummary, time } from './shapes.ts';

// Open strings, as old rows may hold words of another version; the known ones stand in the document.
const gateName = noted(`Known: ${gateNames.join(', ')}`, z.string());
const reasonName = noted(`Known: ${reasons.join(', ')}`, z.string());

export const GateVerdict = named(
  'GateVerdict',
  z.object({
    gate: gateName,
    passed: z.boolean(),
    reason: reasonName.optional(),
    values: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    opens: z.string().optional(),
    opensAt: time.optional(),
  }),
);

const decisionVerdict = z.enum(['act', 'would_act', 'held', 'gave_up', 'nothing']);

export const Decision = named(
  'Decision',
  z.object({
    id: count,
    at: time,
    lastAt: time,
    count,
    host: z.string(),
    ladder: z.string(),
    action: z.string(),
    check: z.string(),
    verdict: decisionVerdict,
    reason: reasonName,
    gates: z.array(GateVerdict),
    runId: z.string().optional(),
  }),
);

const runFields = {
  ...RunSummary.shape,
  decidedBy: z.string(),
  approvedBy: z.string().optional(),
  reason: z.string(),
  command: z.string(),
  revision: z.string(),
  notAfter: time,
  exitCode: count.optional(),
  outcome: z.string().optional(),
};

/** A run in a list: its outputs, gates and story are left to `Run`, so that a page stays small. */
export const RunItem = named('RunItem', z.object(runFields));

export const Run = named(
  'Run',
  z.object({
    ...runFields,
    fence: count,
    shard: count,
    gates: z.array(GateVerdict),
    preconditions: z.object({
      bootId: z.string().optional(),
      invocationId: z.string().optional(),
      unit: z.string().optional(),
      notAfterUptimeSec: z.number().optional(),
    }),
    stdout: z.string().optional(),
    stderr: z.string().optional(),
    evidence: z.string().optional(),
    step: noted('How far a reboot with hooks has come', z.string().optional()),
    events: z.array(z.object({ at: time, status: z.string(), text: z.string() })),
  }),
);

export const Explanation = named(
  'Explanation',
  z.object({
    host: z.string(),
    ladder: z.string(),
    action: z.string(),
    check: z.string(),
    at: time,
    verdict: decisionVerdict,
    reason: reasonName,
    gates: z.array(GateVerdict),
    rungs: z.array(
      z.object({
        action: z.string(),
        kind: z.string(),
        status: z.enum(['next', 'running', 'exhausted', 'waiting']),
        why: z.string(),
      }),
    ),
    earliest: time.optional(),
  }),
);

export const ExplainAnswer = named(
  'ExplainAnswer',
  z.object({
    at: time,
    source: noted(
      'now: asked of the engine; ledger: read from the stored decisions, which do not know the other rungs',
      z.enum(['now', 'ledger']),
    ),
    explanations: z.array(Explanation),
    decisions: z.array(Decision),
  }),
);

export const ActPlan = named(
  'ActPlan',
  z.object({
    host: z.string(),
    action: z.string(),
    kind: z.string(),
    command: z.string(),
    gates: z.array(GateVerdict),
    allowed: z.boolean(),
  }),
);
