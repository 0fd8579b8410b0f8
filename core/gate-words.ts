/** The gates and their reasons in a person's words, for docs/safety.md and terminals. Judges nothing. */
import type { GateName, Reason } from './decisions.ts';

export interface GateWords {
  /** What it looks at; follows "It looks at". */
  sees: string;
  /** All that it can say when it stops. */
  reasons: readonly Reason[];
}

export const gateWords: Readonly<Record<GateName, GateWords>> = {
  mode: {
    sees: 'the modes of the daemon and of the action, and the trust in it; the tightest holds',
    reasons: ['observe_mode', 'propose_mode'],
  },
  pause: { sees: 'whether a person paused automation', reasons: ['paused'] },
  store: { sees: 'whether an intent could be written down', reasons: ['store_unwritable'] },
  rearm: { sees: 'whether the ledger can be believed', reasons: ['ledger_not_trusted'] },
  enabled: { sees: 'whether the action is enabled', reasons: ['disabled', 'not_rendered'] },
  self_doubt: {
    sees: 'whether the ops box trusts its own eyes; for a host that is down, whether anything else could be reached since',
    reasons: ['self_doubt'],
  },
  transport: {
    sees: 'whether the host can be reached over SSH, or the action runs elsewhere',
    reasons: ['host_unreachable', 'host_key_changed'],
  },
  fresh_result: {
    sees: 'whether the result began after the start, the last doubt and the last run, and the checks it depends on were asked',
    reasons: ['no_fresh_result'],
  },
  state: {
    sees: 'the state of the check against `when.state`',
    reasons: ['no_problem', 'state_not_listed', 'problem_again'],
  },
  attempts: {
    sees: 'results in a row that are not OK, and with `times` those within the window',
    reasons: ['attempts_not_reached', 'too_few_in_window'],
  },
  duration: { sees: 'how long the problem was watched, against `when.for`', reasons: ['too_short'] },
  dependency: { sees: 'the checks it depends on', reasons: ['dependency_down'] },
  parent: { sees: 'the parents of the host', reasons: ['parent_down', 'no_fresh_result'] },
  downtime: { sees: 'downtimes that cover the check or the host', reasons: ['in_downtime'] },
  acknowledgement: { sees: 'acknowledgements of this very problem', reasons: ['acknowledged'] },
  silence: { sees: 'silences that match', reasons: ['silenced'] },
  flapping: {
    sees: 'changes of state that no action of ours caused; of a host, problems within an hour',
    reasons: ['flapping'],
  },
  chronic: { sees: 'problems of this host that the action healed in its window', reasons: ['chronic'] },
  human_intent: {
    sees: 'traces of a person at work on the host',
    reasons: ['human_intent', 'facts_pending'],
  },
  min_uptime: { sees: 'how long the host is up', reasons: ['booted_lately', 'facts_pending'] },
  host_busy: { sees: 'open runs on the host', reasons: ['run_in_progress'] },
  group_lock: {
    sees: 'open runs in the fleet, in limited groups, in the group of `guard`',
    reasons: ['fleet_busy', 'group_busy', 'group_unknown'],
  },
  quorum: {
    sees: 'hosts of the group of `guard` that are healthy and left alone',
    reasons: ['too_few_healthy', 'group_unknown'],
  },
  brake: {
    sees: 'unhealthy hosts in the fleet and the group, and whether all were asked since the problem began',
    reasons: ['brake_on', 'round_pending'],
  },
  cooldown: { sees: 'the end of the last run of the action on the host', reasons: ['cooldown'] },
  runs_in_window: { sees: 'runs of the action on the host in its window', reasons: ['max_runs_reached'] },
  host_budget: { sees: 'runs of all actions on the host', reasons: ['host_budget_spent'] },
  group_budget: { sees: 'runs in each limited group of the host', reasons: ['group_budget_spent'] },
  fleet_budget: { sees: 'runs in the whole fleet', reasons: ['fleet_budget_spent'] },
  approval: {
    sees: 'the answer to the question whether this very run may start',
    reasons: ['approval_wanted', 'approval_rejected', 'approval_expired'],
  },
};

export interface ReasonWords {
  /** Whole sentence without its full stop. */
  means: string;
  /** What would open it. */
  opens: string;
}

export const reasonWords: Readonly<Record<Reason, ReasonWords>> = {
  act: { means: 'Nothing stops it', opens: '' },
  observe_mode: { means: 'It would act, and is to observe only', opens: 'a looser mode' },
  propose_mode: {
    means: 'It would act, and is to tell people of it instead',
    opens: 'a looser mode, or trust given back',
  },
  paused: { means: 'A person paused automation', opens: '`mendd resume`, or the end of the pause' },
  store_unwritable: { means: 'An intent cannot be written', opens: 'a store that can be written; by itself' },
  ledger_not_trusted: { means: 'The ledger is damaged, or an old copy', opens: '`mendd rearm`' },
  disabled: { means: 'The action is disabled', opens: '`enabled: true` on the action' },
  not_rendered: {
    means: 'A template of the action, or of one before it, has no value for this host',
    opens: 'the value that the template needs',
  },
  self_doubt: {
    means: 'What looks like trouble there may be trouble here',
    opens: 'the end of the doubt and a fresh round of results',
  },
  host_unreachable: { means: 'The host cannot be reached', opens: 'a successful contact over SSH' },
  host_key_changed: {
    means: 'The host shows another key than known_hosts has',
    opens: 'a person who looks why',
  },
  no_fresh_result: { means: 'What is known is too old to act upon', opens: 'the next result' },
  no_problem: { means: 'There is no problem', opens: 'a problem' },
  problem_again: { means: 'The recovery is over', opens: 'the next recovery' },
  state_not_listed: { means: 'The action is not for this state', opens: 'a state that `when.state` lists' },
  attempts_not_reached: { means: 'Too few results in a row are not OK', opens: 'more of them' },
  too_few_in_window: { means: 'Too few results within the window are not OK', opens: 'more of them' },
  too_short: { means: 'The problem is too young', opens: 'more of it' },
  dependency_down: {
    means: 'A check it depends on is not OK and may be the cause',
    opens: 'that check turning OK',
  },
  parent_down: { means: 'All ways to the host are down', opens: 'a parent being reached again' },
  in_downtime: { means: 'A person announced work there', opens: 'the end of the downtime' },
  acknowledged: {
    means: 'A person has taken this problem on',
    opens: 'another problem, or the acknowledgement taken back',
  },
  silenced: { means: 'A person silenced it', opens: 'the end of the silence' },
  flapping: { means: 'It comes and goes by itself', opens: 'steadier results for a while' },
  chronic: {
    means: 'It was healed again and again and keeps coming back',
    opens: 'a person, or older runs leaving the window',
  },
  facts_pending: { means: 'The host has not answered yet what had to be asked first', opens: 'its answer' },
  human_intent: { means: 'A person seems to be at work on the host', opens: 'the end of that work' },
  booted_lately: { means: 'The host has booted lately', opens: 'more uptime' },
  run_in_progress: { means: 'Another run holds the host', opens: 'the end of that run' },
  fleet_busy: { means: 'As many runs are open as the fleet allows', opens: 'the end of one of them' },
  group_busy: { means: 'As many runs are open as the group allows', opens: 'the end of one of them' },
  group_unknown: { means: 'The host lacks the label that the guard counts by', opens: 'the label' },
  too_few_healthy: { means: 'Too few others in the group are healthy and left alone', opens: 'more of them' },
  round_pending: {
    means: 'Others may fail at this moment too and were not asked yet',
    opens: 'their answers; at most one interval and 30 s',
  },
  brake_on: {
    means: 'Too many hosts are unhealthy at once, or a budget is spent',
    opens: 'the rule, or `mendd brake release`',
  },
  cooldown: { means: 'The last run is not long enough ago', opens: 'time' },
  max_runs_reached: {
    means: 'The action ran as often here as it may',
    opens: 'an older run leaving the window',
  },
  host_budget_spent: {
    means: 'As much was done to this host as may be',
    opens: 'an older run leaving the window',
  },
  group_budget_spent: {
    means: 'As much was done to this group as may be',
    opens: 'an older run leaving the window',
  },
  fleet_budget_spent: {
    means: 'As much was done to the fleet as may be',
    opens: 'an older run leaving the window',
  },
  approval_wanted: { means: 'A person has to say yes first', opens: '`mendd approve`' },
  approval_rejected: { means: 'A person said no', opens: 'the next problem' },
  approval_expired: { means: 'Nobody said yes in time, or the yes is too old', opens: 'the next problem' },
  gave_up: { means: 'All rungs are used up; people were told', opens: 'a recovery' },
};
