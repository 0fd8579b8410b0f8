/** The types of the API's answers, by the shapes that the daemon sends them through. Types only. */
import type {
  ActPlan,
  Decision,
  ExplainAnswer,
  Explanation,
  GateVerdict,
  Run,
  RunItem,
} from '../../api/action-shapes.ts';
import type { Config, PlanAnswer as Plan } from '../../api/config-shapes.ts';
import type { Now } from '../../api/control-shapes.ts';
import type { Message, RouteAnswer as Route } from '../../api/notify-shapes.ts';
import type {
  Approval,
  Brake,
  Doubt,
  Quarantine,
  Suppression,
  TrustCap,
} from '../../api/restraint-shapes.ts';
import type { Check, CheckStatus, Host, Rollup, StoredResult, Transition } from '../../api/shapes.ts';

/** What a shape lets out. */
export type Sent<T extends { _zod: { output: unknown } }> = T['_zod']['output'];

export type ActPlanAnswer = Sent<typeof ActPlan>;
export type ApprovalAnswer = Sent<typeof Approval>;
export type BrakeAnswer = Sent<typeof Brake>;
export type CheckAnswer = Sent<typeof Check>;
export type CheckStatusAnswer = Sent<typeof CheckStatus>;
export type ConfigAnswer = Sent<typeof Config>;
export type DecisionAnswer = Sent<typeof Decision>;
export type DoubtAnswer = Sent<typeof Doubt>;
export type ExplainedAnswer = Sent<typeof ExplainAnswer>;
export type ExplanationAnswer = Sent<typeof Explanation>;
export type GateAnswer = Sent<typeof GateVerdict>;
export type HostAnswer = Sent<typeof Host>;
export type MessageAnswer = Sent<typeof Message>;
export type NowAnswer = Sent<typeof Now>;
export type PlanAnswer = Sent<typeof Plan>;
export type QuarantineAnswer = Sent<typeof Quarantine>;
export type ResultAnswer = Sent<typeof StoredResult>;
export type RollupAnswer = Sent<typeof Rollup>;
export type RouteAnswer = Sent<typeof Route>;
export type RunAnswer = Sent<typeof Run>;
export type RunItemAnswer = Sent<typeof RunItem>;
export type SuppressionAnswer = Sent<typeof Suppression>;
export type TransitionAnswer = Sent<typeof Transition>;
export type TrustCapAnswer = Sent<typeof TrustCap>;

/** A page of a list. */
export interface PageOf<T> {
  items: T[];
  next?: string;
}

/** What an event of the stream tells. */
export interface LiveEvent {
  id: number;
  at: string;
  type: string;
  host?: string;
  check?: string;
  runId?: string;
  data: Record<string, unknown>;
}
