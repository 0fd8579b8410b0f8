/**
 * Owns the questions to people: asks them, takes the answers, and ends those that came too late or whose trouble is gone. An
 * approved run is decided anew by the reducer, with every other gate.
 */
import type { ActionDefinition, HostDefinition } from '../core/definitions.ts';
import type { QuestionEnd } from '../core/ledger-ports.ts';
import type { NewMessage } from '../core/message-port.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { Effect } from '../core/reduction.ts';
import { actionOf } from '../core/runs.ts';
import type { Approval, ApprovalStatus } from '../core/safety.ts';
import { troubleOf } from '../core/trouble.ts';
import type { Rejected } from '../core/views.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';
import { tagOf } from './tags.ts';

/** Settled questions are shown for so long. Milliseconds. */
export const shownMs = 604_800_000;

export interface ApprovalsOptions {
  clock: Clock;
  coordinator: Coordinator;
  history: History;
  fleet: Fleet;
  describe: (action: ActionDefinition, host: HostDefinition) => string;
  /** What people are told with it, and once it was answered or is a question no more. Errors: MenddError; then nothing is changed. */
  questionOf: (approval: Approval) => readonly NewMessage[];
  endOf: (approval: Approval) => QuestionEnd;
  onQueued: () => void;
}

type Place = Pick<Approval, 'id' | 'host' | 'ladder' | 'action' | 'episode' | 'attempt' | 'check' | 'gates'>;

export class Approvals {
  readonly #options: ApprovalsOptions;
  /** Monotonic time at which each open question is over, whatever the wall clock is set to. */
  readonly #overAtMs = new Map<string, number>();

  constructor(options: ApprovalsOptions) {
    this.#options = options;
  }

  /** Errors: MenddError; then the next result asks. */
  ask(host: string, { action, run, decision }: Extract<Effect, { kind: 'ask' }>): void {
    const { coordinator, fleet, questionOf } = this.#options;
    const definition = fleet.definitions.hosts.get(host);
    if (definition === undefined) return;
    const { id, ladder, episode, attempt } = run;
    const { check, gates } = decision;
    const place = { id, host, ladder, action: action.id, episode, attempt, check, gates };
    const approval = this.#questionOf(place, action, definition);
    if (!coordinator.askApproval(approval, questionOf(approval))) {
      const known = coordinator.approval(id);
      if (known !== undefined) fleet.apply(host, { kind: 'approval', approval: known });
      return;
    }
    this.#asked(approval);
  }

  /** What would run was edited: whoever read the question read something else, and a yes to that is none. Errors: MenddError. */
  #askAgain(before: Approval, action: ActionDefinition, definition: HostDefinition): void {
    const { clock, coordinator, questionOf } = this.#options;
    const approval = this.#questionOf(before, action, definition);
    const { id, host, command } = approval;
    const entry = {
      atMs: clock.nowMs(),
      kind: 'decision',
      actor: 'rule',
      event: 'approval.asked_again',
    } as const;
    coordinator.audit({ ...entry, body: { id, host, action: action.id, command } });
    if (!coordinator.askAgain(approval, questionOf(approval))) return;
    this.#overAtMs.delete(id);
    this.#asked(approval);
  }

  #questionOf(
    { id, host, ladder, episode, attempt, check, gates }: Place,
    action: ActionDefinition,
    definition: HostDefinition,
  ): Approval {
    const nowMs = this.#options.clock.nowMs();
    const command = this.#options.describe(action, definition);
    const state = this.#stateOf(host, check);
    return {
      id,
      host,
      ladder,
      action: action.id,
      episode,
      attempt,
      check,
      command,
      reason: `${check} is ${state}`,
      gates,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + action.approveWithinMs,
      status: 'waiting',
      tag: tagOf(id, command, state),
    };
  }

  #asked(approval: Approval): void {
    const { history, fleet, onQueued } = this.#options;
    const { id, host, check, action } = approval;
    this.#isOver(approval);
    history.add('approval.asked', { host, check, runId: id, data: { action } });
    fleet.apply(host, { kind: 'approval', approval });
    onQueued();
  }

  /** What waits has the fingerprint of what would run now; what is settled keeps the one it was settled under. */
  list(): Approval[] {
    const { clock, coordinator } = this.#options;
    return coordinator
      .approvals(clock.nowMs() - shownMs)
      .map((approval) =>
        approval.status === 'waiting' ? { ...approval, tag: this.#liveTag(approval) } : approval,
      );
  }

  /** Newest first, with the fingerprint of what would run now. From memory: also while the ledger cannot be read. */
  waiting(): Approval[] {
    return [...this.#options.fleet.states().values()]
      .flatMap(({ approvals }) => approvals.filter(({ status }) => status === 'waiting'))
      .toSorted((a, b) => b.createdAtMs - a.createdAtMs)
      .map((approval) => ({ ...approval, tag: this.#liveTag(approval) }));
  }

  /** Errors: MenddError. */
  settle(
    id: string,
    answer: 'approved' | 'rejected',
    person: { by: string; reason: string; tag: string; isDry?: boolean },
  ): Approval | Rejected {
    const { coordinator, clock } = this.#options;
    const isDry = person.isDry === true;
    const approval = coordinator.approval(id);
    if (approval === undefined) return rejected(404, 'not_found', `There is no approval ${id}.`);
    if (approval.status !== 'waiting') {
      const by = approval.decidedBy === undefined ? '' : ` by ${approval.decidedBy}`;
      const said = approval.answer ?? '';
      const why = said === '' ? '.' : `: ${said}`;
      return rejected(409, approval.status, `It is ${approval.status}${by} already${why}`);
    }
    if (this.#isOver(approval)) {
      if (!isDry) this.#close(approval, 'expired', 'rule', 'nobody answered in time');
      return rejected(409, 'expired', 'It expired; nothing is done. The next trouble asks again.');
    }
    const gone = this.#lapse(approval);
    if (gone !== undefined) {
      if (!isDry) this.#close(approval, 'lapsed', 'rule', gone);
      return rejected(409, 'lapsed', `It is not wanted any more: ${gone}.`);
    }
    const edited = this.#editedOf(approval);
    if (edited !== undefined && !isDry) this.#askAgain(approval, edited.action, edited.host);
    if (edited !== undefined || person.tag !== this.#liveTag(approval)) {
      const message = 'What it is about has changed since it was read; read it again.';
      return rejected(412, 'changed', message);
    }
    const decidedBy = `person:${person.by}`;
    if (isDry)
      return { ...approval, status: answer, decidedAtMs: clock.nowMs(), decidedBy, answer: person.reason };
    const settled = this.#close(approval, answer, decidedBy, person.reason, person.tag);
    return settled ?? rejected(409, 'settled', 'Somebody else was faster.');
  }

  /** From time to time: ends what is too late or has become pointless. Errors: MenddError. */
  turn(): void {
    const { clock, coordinator, fleet } = this.#options;
    const open = coordinator
      .approvals(clock.nowMs() - shownMs)
      .filter(({ status }) => status === 'waiting' || status === 'approved');
    const ids = new Set(open.map(({ id }) => id));
    for (const id of this.#overAtMs.keys()) if (!ids.has(id)) this.#overAtMs.delete(id);
    for (const approval of open) {
      const { id, status } = approval;
      const isOver = this.#isOver(approval);
      if (status === 'waiting' && isOver) {
        this.#close(approval, 'expired', 'rule', 'nobody answered in time');
        continue;
      }
      const state = fleet.state(approval.host);
      const isUsed = state?.runs.some((run) => run.id === id) === true || coordinator.get(id) !== undefined;
      if (isUsed) continue;
      const gone =
        status === 'approved' && isOver ? 'it could not run before its time was up' : this.#lapse(approval);
      const edited = this.#editedOf(approval);
      if (gone !== undefined) this.#close(approval, 'lapsed', 'rule', gone);
      else if (edited !== undefined) this.#askAgain(approval, edited.action, edited.host);
    }
  }

  /**
   * By the wall clock, or by the monotonic one since it was asked or this process saw it first: a clock that is set makes its time
   * shorter, never longer.
   */
  #isOver({ id, createdAtMs, expiresAtMs }: Approval): boolean {
    const { clock } = this.#options;
    const [nowMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
    const overAtMs =
      this.#overAtMs.get(id) ?? monotonicMs + Math.min(expiresAtMs - nowMs, expiresAtMs - createdAtMs);
    this.#overAtMs.set(id, overAtMs);
    return nowMs >= expiresAtMs || monotonicMs >= overAtMs;
  }

  #close(
    approval: Approval,
    status: Exclude<ApprovalStatus, 'waiting'>,
    by: string,
    answer: string,
    tag = approval.tag,
  ): Approval | undefined {
    const { clock, coordinator, history, fleet, endOf, onQueued } = this.#options;
    const atMs = clock.nowMs();
    const { id, host, check, action } = approval;
    const end = endOf({ ...approval, status, decidedAtMs: atMs, decidedBy: by, answer });
    // First: an answer that counts and is not on record would let act what nobody seems to have allowed.
    coordinator.audit({
      atMs,
      kind: 'command',
      actor: by,
      event: `approval.${status}`,
      body: { id, host, action, answer },
    });
    const settled = coordinator.settleApproval(id, { status, atMs, by, answer, tag }, end);
    if (settled === undefined) return undefined;
    const data = { action, status, by, answer };
    history.add('approval.settled', { host, check, runId: id, data });
    fleet.apply(host, { kind: 'approval', approval: settled });
    onQueued();
    return settled;
  }

  /** Why nobody needs to answer any more. */
  #lapse({ host, ladder, action, check, episode }: Approval): string | undefined {
    const { fleet } = this.#options;
    const plan = fleet.plan(host);
    const state = fleet.state(host);
    const known = plan && actionOf({ ladder, action }, plan);
    if (plan === undefined || known === undefined || state === undefined) return 'its definition is gone';
    const isOk = troubleOf(state, check)?.state === 'ok';
    if (known.ladder.trigger.on === 'recovery') return isOk ? undefined : 'the problem is back';
    if (isOk) return 'the trouble is over';
    const since = troubleOf(state, check)?.problemSinceMs?.toString(36);
    const isSame = state.runs.some((run) => run.ladder === ladder && run.episode === episode);
    return since === episode || isSame ? undefined : 'it was another problem';
  }

  /** What would run now, when it is another command than the one in question. */
  #editedOf({
    host,
    ladder,
    action,
    command,
  }: Approval): { action: ActionDefinition; host: HostDefinition } | undefined {
    const plan = this.#options.fleet.plan(host);
    const known = plan && actionOf({ ladder, action }, plan);
    // What cannot be rendered does not run; whatever it is once it can be is asked about then.
    if (plan === undefined || known === undefined || known.action.blocked !== undefined) return undefined;
    const isSame = this.#options.describe(known.action, plan.host) === command;
    return isSame ? undefined : { action: known.action, host: plan.host };
  }

  #liveTag(approval: Approval): string {
    const { id, host, check, command } = approval;
    const edited = this.#editedOf(approval);
    const now = edited === undefined ? command : this.#options.describe(edited.action, edited.host);
    return tagOf(id, now, this.#stateOf(host, check));
  }

  #stateOf(host: string, check: string): string {
    const state = this.#options.fleet.state(host);
    return (state && troubleOf(state, check)?.state) ?? 'gone';
  }
}

function rejected(status: Rejected['status'], code: string, message: string): Rejected {
  return { kind: 'rejected', status, code, message };
}
