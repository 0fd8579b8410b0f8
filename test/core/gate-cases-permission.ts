/** What the gates about permission say, on both sides of each edge. */
import { approvalOf, type GateCase, minuteMs, nowMs, page, restart, runId, sinceMs } from './gate-world.ts';

const cap = { action: restart.id, sinceMs, by: 'rule', reason: 'it failed 5 times in a row' };
const doubt = {
  cause: 'canaries_down' as const,
  sinceMs: nowMs - 5 * minuteMs,
  values: { asked: 2 },
  opens: 'an answer',
};

export const permissionCases: GateCase[] = [
  {
    gate: 'mode',
    given: 'auto everywhere',
    change: () => {},
    values: { daemon: 'auto', action: 'auto', trust: 'auto' },
  },
  {
    gate: 'mode',
    given: 'a daemon that observes',
    change: (world) => (world.fleet.mode = 'observe'),
    reason: 'observe_mode',
    values: { daemon: 'observe', action: 'auto', trust: 'auto' },
    opens: '`remediation.mode: auto` in mendd.yaml',
  },
  {
    gate: 'mode',
    given: 'an action that only proposes',
    change: (world) => (world.rung = { ...restart, mode: 'propose' }),
    reason: 'propose_mode',
    values: { daemon: 'auto', action: 'propose', trust: 'auto' },
    opens: '`mode: auto` on the action',
  },
  {
    gate: 'mode',
    given: 'an action that lost trust',
    change: (world) => (world.fleet.caps = new Map([[restart.id, { ...cap, mode: 'propose' }]])),
    reason: 'propose_mode',
    values: { daemon: 'auto', action: 'auto', trust: 'propose' },
    opens: '`mendd trust promote app.restart`',
  },
  {
    gate: 'mode',
    given: 'a message while actions are proposed',
    change: (world) => {
      world.rung = page;
      world.fleet.mode = 'propose';
    },
  },
  {
    gate: 'mode',
    given: 'a message while the daemon observes',
    change: (world) => {
      world.rung = page;
      world.fleet.mode = 'observe';
    },
    reason: 'observe_mode',
  },
  {
    gate: 'pause',
    given: 'a pause',
    change: (world) => (world.fleet.paused = { sinceMs, by: 'ann', reason: 'move', untilMs: nowMs + 1 }),
    reason: 'paused',
    values: { paused: true, by: 'ann', because: 'move' },
    opens: '`mendd resume`',
    opensAtMs: nowMs + 1,
  },
  {
    gate: 'pause',
    given: 'a message during a pause',
    change: (world) => {
      world.rung = page;
      world.fleet.paused = { sinceMs, by: 'ann', reason: 'move' };
    },
    values: { paused: true },
  },
  {
    gate: 'store',
    given: 'a full disk',
    change: (world) => (world.fleet.storeProblem = 'disk is full'),
    reason: 'store_unwritable',
    values: { writable: false, problem: 'disk is full' },
    opens: 'a store that can be written',
  },
  {
    gate: 'rearm',
    given: 'a restored ledger',
    change: (world) => (world.fleet.quarantine = { cause: 'restored', sinceMs, text: 'old' }),
    reason: 'ledger_not_trusted',
    values: { trusted: false, cause: 'restored', sinceMs },
    opens: '`mendd rearm`, when nothing that was sent can still be running',
  },
  {
    gate: 'rearm',
    given: 'a message while the ledger is not trusted',
    change: (world) => {
      world.rung = page;
      world.fleet.quarantine = { cause: 'restored', sinceMs, text: 'old' };
    },
  },
  {
    gate: 'enabled',
    given: 'a disabled action',
    change: (world) => (world.rung = { ...restart, enabled: false }),
    reason: 'disabled',
    opens: '`enabled: true` on the action',
  },
  {
    gate: 'enabled',
    given: 'an action with a template that has no value for this host',
    change: (world) => (world.rung = { ...restart, blocked: '`facts.unit` is not known' }),
    reason: 'not_rendered',
    values: { enabled: true, problem: '`facts.unit` is not known' },
    opens: 'the value that the template needs',
  },
  {
    gate: 'self_doubt',
    given: 'canaries that are silent',
    change: (world) => (world.fleet.doubt = doubt),
    reason: 'self_doubt',
    values: { cause: 'canaries_down', sinceMs: doubt.sinceMs, asked: 2 },
    opens: 'an answer',
  },
  {
    gate: 'self_doubt',
    given: 'a message after five minutes of doubt',
    change: (world) => {
      world.rung = page;
      world.fleet.doubt = doubt;
    },
  },
  {
    gate: 'self_doubt',
    given: 'a message in younger doubt',
    change: (world) => {
      world.rung = page;
      world.fleet.doubt = { ...doubt, sinceMs: doubt.sinceMs + 1 };
    },
    reason: 'self_doubt',
  },
  {
    gate: 'approval',
    given: 'nobody asked yet',
    change: (world) => (world.rung = { ...restart, mode: 'approve' }),
    reason: 'approval_wanted',
    values: { needed: true, asked: false },
    opens: `\`mendd approve ${runId}\``,
  },
  {
    gate: 'approval',
    given: 'a question that waits',
    change: (world) => {
      world.fleet.mode = 'approve';
      world.approvals = [approvalOf()];
    },
    reason: 'approval_wanted',
    values: { needed: true, status: 'waiting', by: null, expiresAtMs: nowMs + minuteMs },
    opens: `\`mendd approve ${runId}\``,
  },
  {
    gate: 'approval',
    given: 'a yes that has a millisecond left',
    change: (world) => {
      world.fleet.mode = 'approve';
      world.approvals = [approvalOf({ status: 'approved', decidedBy: 'person:ann', expiresAtMs: nowMs + 1 })];
    },
    values: { needed: true, status: 'approved', by: 'person:ann', expiresAtMs: nowMs + 1 },
  },
  {
    gate: 'approval',
    given: 'a yes that is too old',
    change: (world) => {
      world.fleet.mode = 'approve';
      world.approvals = [approvalOf({ status: 'approved', expiresAtMs: nowMs })];
    },
    reason: 'approval_expired',
    opens: 'the next problem',
  },
  {
    gate: 'approval',
    given: 'a no',
    change: (world) => {
      world.fleet.mode = 'approve';
      world.approvals = [approvalOf({ status: 'rejected' })];
    },
    reason: 'approval_rejected',
    opens: 'the next problem',
  },
  {
    gate: 'approval',
    given: 'a yes to another run',
    change: (world) => {
      world.fleet.mode = 'approve';
      world.approvals = [approvalOf({ status: 'approved', id: 'web-1~app.restart~e~1' })];
    },
    reason: 'approval_wanted',
  },
];
