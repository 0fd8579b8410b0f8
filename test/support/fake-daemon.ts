/** An in-memory DaemonPort, History and RunBook, so that the API can be tested alone over real HTTP. */

import type { CoveragePort, PlannedDowntime } from '../../core/coverage-port.ts';
import type { StatusPageConfig } from '../../core/daemon-config.ts';
import type { StoredDecision } from '../../core/decisions.ts';
import type { Definitions, RunbookDefinition } from '../../core/definitions.ts';
import type { FactsPort, HostOrigin, SourceFacts } from '../../core/facts-port.ts';
import type {
  MessageView,
  NotifyPort,
  NotifyTargetView,
  NotifyTest,
  RouteAnswer,
} from '../../core/notify-port.ts';
import type { NowView } from '../../core/now-view.ts';
import type {
  InventoryView,
  OutsidePort,
  OutsideWaiting,
  RegistrationAnswer,
  RegistrationView,
} from '../../core/outside-port.ts';
import type { Clock, HistoryQuery, Page, Token } from '../../core/ports.ts';
import type {
  Approval,
  AuditEntry,
  AuditVerdict,
  Doubt,
  Mode,
  Outcomes,
  Quarantine,
  Suppression,
} from '../../core/safety.ts';
import type { TokensPort } from '../../core/tokens-port.ts';
import type { ToldPort } from '../../core/told-port.ts';
import type { CheckResult, Pause, Run, Scope, StoredEvent, Transition } from '../../core/types.ts';
import type {
  BrakeView,
  CheckView,
  ConfigView,
  DaemonPort,
  DemotedView,
  Explanation,
  Health,
  History,
  HostView,
  NewSuppression,
  PlanAnswer,
  PlanRequest,
  Rejected,
  ReloadAnswer,
  ReloadRequest,
  RollbackRequest,
  RunBook,
  Stats,
} from '../../core/views.ts';
import { checkOf, ladderOf, page, reboot, restart } from './definitions.ts';
import {
  auditOf,
  brakeOf,
  checkView,
  explanationOf,
  hostView,
  outcomesOf,
  runOf,
  startMs,
} from './fake-views.ts';

/** A clock that moves by `advance` alone. */
class HandClock implements Clock {
  #nowMs = startMs;
  readonly #timers = new Set<{ atMs: number; callback: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const timer of this.#timers) {
      if (timer.atMs > this.#nowMs) continue;
      this.#timers.delete(timer);
      timer.callback();
    }
  }
}

/** Newest first; the cursor is an offset. */
function pageThrough<T>(items: readonly T[], query: HistoryQuery): Page<T> {
  const from = Number(query.cursor ?? 0) || 0;
  const more = items.length > from + query.limit;
  return {
    items: items.slice(from, from + query.limit),
    ...(more ? { next: String(from + query.limit) } : {}),
  };
}

const rejected = (status: Rejected['status'], code: string): Rejected => ({
  kind: 'rejected',
  status,
  code,
  message: `refused: ${code}`,
});

export class FakeDaemon implements DaemonPort {
  readonly clock = new HandClock();
  readonly startedAtMs = startMs - 3_600_000;
  readonly version = '0.1.0';
  hostList: HostView[] = [hostView('web-1'), hostView('web-2', { labels: { role: 'db', env: 'prod' } })];
  checkList: CheckView[] = [
    checkView('web-1', 'app.running', 'critical', 'worker is down'),
    checkView('web-2', 'app.running', 'ok'),
  ];
  explanations: Explanation[] = [explanationOf('web-1', 'app.running')];
  runList: Run[] = [runOf('web-1~app.restart~abc~1')];
  transitionList: Transition[] = [];
  statusPage: StatusPageConfig | undefined;
  resultList: (CheckResult & { id: number; host: string; check: string })[] = [];
  decisionList: StoredDecision[] = [];
  events: StoredEvent[] = [];
  paused: Pause | undefined;
  healthNow: Health = { ready: true, problems: [] };
  reloadProblems: string[] = [];
  /** Why nothing can be written. */
  historyProblem: string | undefined;
  /** What was asked of the daemon, in order: `pause by ann`, ... */
  readonly asked: string[] = [];
  needsYou: NowView['needsYou'] = [];
  healed: Run[] = [];
  mode: Mode = 'auto';
  doubt: Doubt | undefined;
  quarantine: Quarantine | undefined;
  suppressionList: Suppression[] = [];
  approvalList: Approval[] = [];
  brakeList: BrakeView[] = [brakeOf('fleet', false)];
  demotedList: DemotedView[] = [];
  outcomeList: Outcomes[] = [outcomesOf('app.restart')];
  auditList: AuditEntry[] = [auditOf(3), auditOf(2), auditOf(1)];
  auditVerdict: AuditVerdict = { ok: true, entries: 3, firstSeq: 1, head: { seq: 3, hash: 'b'.repeat(64) } };
  readonly #listeners = new Set<(event: StoredEvent) => void>();
  /** By secret. */
  readonly secrets = new Map<string, Token>();

  readonly told: ToldPort = {
    submit: async (results, isDry) => {
      if (this.historyProblem !== undefined) return rejected(503, 'store_unusable');
      if (!isDry) this.asked.push(`submit ${results.length}`);
      return results.map(({ host, check }) => ({ host, check, accepted: host === 'web-1' }));
    },
    alerts: async (alerts, holdMs, isDry) => {
      this.asked.push(`alerts ${alerts.length} ${holdMs}${isDry ? ' dry' : ''}`);
      return alerts.map(({ labels, endsAtMs }) => ({
        alert: labels['alertname'] ?? '',
        status: endsAtMs === undefined ? ('firing' as const) : ('resolved' as const),
        checks: labels['host'] === 'web-1' ? ['web-1/app.running'] : [],
      }));
    },
    counts: () => ({
      accepted: 9,
      refused: { not_passive: 2 },
      alertsFiring: 1,
      alertsTold: 4,
      alertsUnmatched: 1,
      overdue: 1,
    }),
  };

  hosts = (): HostView[] => this.hostList;
  checks = (): CheckView[] => this.checkList;
  eachCheck = (fromHost = ''): CheckView[] => {
    const later = this.checkList.filter(({ host }) => host >= fromHost);
    return later.sort((a, b) => (keyOfCheck(a) < keyOfCheck(b) ? -1 : 1));
  };
  health = (): Health => this.healthNow;
  loadProblems = (): string[] => this.reloadProblems;

  outsideWaiting: OutsideWaiting = { registrations: { waiting: 0, names: [] }, heldInventories: [] };

  now(): NowView {
    const worst = this.checkList.filter(({ status }) => status.state !== 'ok');
    const healing = this.runList.filter(({ status }) => status === 'verifying');
    const verdict = { needYou: this.needsYou.length, healing: healing.length, problems: worst.length };
    return {
      atMs: this.clock.nowMs(),
      verdict: {
        ...verdict,
        unreachable: 0,
        stale: 0,
        ok: this.checkList.length - worst.length,
        sentence: `${verdict.needYou} need you · ${healing.length} healing`,
      },
      health: this.healthNow,
      alive: {
        startedAtMs: this.startedAtMs,
        hosts: this.hostList.length,
        checks: this.checkList.length,
        checksPerMin: 12,
        lateness: { p50Ms: 1, p99Ms: 2, maxMs: 3 },
      },
      automation: {
        mode: this.mode,
        ...(this.paused === undefined ? {} : { paused: this.paused }),
        ...(this.doubt === undefined ? {} : { doubt: this.doubt }),
        ...(this.quarantine === undefined ? {} : { quarantine: this.quarantine }),
        brakes: this.brakeList,
        demoted: this.demotedList,
        fleetRuns: { used: 3, limit: 20, perMs: 3_600_000 },
      },
      definitions: {
        revision: 'abcdef0123456789',
        loadedAtMs: this.startedAtMs,
        lastReloadOk: this.reloadProblems.length === 0,
        problems: this.reloadProblems,
      },
      approvals: this.approvalList
        .filter(({ status }) => status === 'waiting')
        .map((asked) => ({ ...asked, tried: [] })),
      needsYou: this.needsYou,
      healing: healing.map((run) => ({ ...run, check: 'app.running' })),
      healed: this.healed.map((run) => ({ ...run, check: 'app.running' })),
      flapping: [],
      worst,
      unreachable: this.hostList
        .filter(({ status }) => status.state === 'unreachable' && status.behind === undefined)
        .map((host) => ({
          ...host,
          behind: this.hostList.filter(({ status }) => status.behind === host.name).map(({ name }) => name),
        })),
      suppressions: this.suppressionList,
      totals: { healed: this.healed.length, flapping: 0, suppressions: this.suppressionList.length },
      messages: { waiting: 0, dead: 0 },
      ...this.outsideWaiting,
      fleet: {
        hosts: this.hostList.map(({ name }) => ({ name, state: 'ok' as const })),
        counts: {
          critical: 0,
          unreachable: 0,
          unknown: 0,
          warning: 0,
          stale: 0,
          pending: 0,
          ok: this.hostList.length,
        },
      },
    };
  }

  explain(host: string, check?: string, action?: string): Explanation[] {
    return this.explanations.filter(
      (each) =>
        each.host === host &&
        (check === undefined || each.check === check) &&
        (action === undefined || each.action === action),
    );
  }

  stats(): Stats {
    return {
      checksRun: 42,
      checksShed: { queue_full: 2 },
      checksRunning: 1,
      checksQueued: 0,
      schedulerLagMs: 250,
      actions: [{ action: 'app.restart', outcome: 'verified', count: 5 }],
      suppressed: { cooldown: 4 },
      connections: { open: 2, connecting: 1, waiting: 0, evicted: 7, turnedAway: 8 },
      batches: { execs: 10, checks: 90, again: 1 },
      checkLateness: { p50Ms: 1, p99Ms: 2, maxMs: 3 },
      checksPerMin: 12,
      brakesOn: this.brakeList.filter(({ on }) => on).length,
      inDoubt: this.doubt !== undefined,
      approvalsWaiting: this.approvalList.filter(({ status }) => status === 'waiting').length,
      auditBroken: !this.auditVerdict.ok,
      heartbeats: { heard: 6, failed: 1, heardAtMs: startMs },
    };
  }

  definitions(): Definitions {
    const runbook: RunbookDefinition = {
      id: 'app',
      title: 'The app',
      enabled: true,
      hosts: this.hostList.map(({ name }) => name),
      checks: [checkOf('running'), checkOf('worker')],
      ladders: [ladderOf([restart, reboot, page])],
      source: { file: 'runbooks/app.yaml', line: 1, column: 1 },
    };
    const hosts = new Map(this.hostList.map(({ name }) => [name, {}]));
    const daemon = { api: this.statusPage === undefined ? {} : { statusPage: this.statusPage } };
    return { revision: 'abcdef0123456789', hosts, runbooks: [runbook], daemon } as unknown as Definitions;
  }

  pause(pause: { by: string; reason: string; untilMs?: number }, isDry = false): Pause {
    if (isDry) return { ...pause, sinceMs: this.clock.nowMs() };
    this.asked.push(`pause by ${pause.by}`);
    this.paused = { ...pause, sinceMs: this.clock.nowMs() };
    return this.paused;
  }

  resume(by: string, reason?: string): void {
    this.asked.push(`resume by ${by}${why(reason)}`);
    this.paused = undefined;
  }

  async checkNow(host: string, check: string): Promise<CheckView | Rejected> {
    this.asked.push(`check ${host} ${check}`);
    return this.checkList.find((view) => view.host === host && view.check === check) ?? rejected(503, 'busy');
  }

  cancelRun(runId: string, by: string, reason?: string, isDry = false): Run | Rejected {
    this.#note(`cancel ${runId} by ${by}${why(reason)}`, isDry);
    const run = this.runList.find(({ id }) => id === runId);
    if (run === undefined) return rejected(404, 'run_unknown');
    return run.status === 'intended' ? { ...run, status: 'cancelled' } : rejected(409, 'already_sent');
  }

  planAction(host: string, action: string) {
    if (action !== 'app.restart') return rejected(404, 'action_unknown');
    const gates = explanationOf(host, 'app.running').gates;
    return {
      host,
      action,
      kind: 'systemd_restart',
      command: 'systemctl restart worker',
      gates,
      allowed: false,
    };
  }

  act(host: string, action: string, by: string, reason: string): Run | Rejected {
    this.asked.push(`act ${host} ${action} by ${by}: ${reason}`);
    if (action !== 'app.restart') return rejected(404, 'action_unknown');
    return runOf(`${host}~${action}~abc~2`, { decidedBy: `person:${by}`, reason, status: 'intended' });
  }

  suppressions = (): Suppression[] => this.suppressionList;
  approvals = (): Approval[] => this.approvalList;
  brakes = (): BrakeView[] => this.brakeList;
  demoted = (): DemotedView[] => this.demotedList;

  addSuppression(wanted: NewSuppression, by: string, isDry = false): Suppression | Rejected {
    this.#note(`${wanted.kind} by ${by}: ${JSON.stringify(wanted)}`, isDry);
    if (wanted.kind !== 'acknowledgement' && wanted.match.hosts.includes('nobody'))
      return rejected(422, 'matcher_unusable');
    const nowMs = this.clock.nowMs();
    const id = `01J0000000000000000000000${this.suppressionList.length}`;
    const base = { id, by, createdAtMs: nowMs, origin: 'person' as const };
    if (wanted.kind !== 'acknowledgement') {
      const added: Suppression =
        wanted.kind === 'silence' ? { startsAtMs: nowMs, ...wanted, ...base } : { ...wanted, ...base };
      this.suppressionList.push(added);
      return added;
    }
    const { status } = this.checkList.find((each) => each.check === wanted.check) ?? {};
    if (status === undefined || status.state === 'ok' || status.state === 'pending')
      return rejected(409, 'no_problem');
    const problem = { problemSinceMs: status.problemSinceMs ?? nowMs, state: status.state };
    const added: Suppression = { ...wanted, ...base, ...problem };
    this.suppressionList.push(added);
    return added;
  }

  endSuppression(id: string, by: string, reason?: string, isDry = false): Suppression | Rejected {
    this.#note(`end ${id} by ${by}${why(reason)}`, isDry);
    const found = this.suppressionList.find((each) => each.id === id);
    if (found === undefined) return rejected(404, 'suppression_unknown');
    if (found.origin === 'definitions') return rejected(409, 'defined_in_file');
    return { ...found, endedAtMs: this.clock.nowMs(), endedBy: by };
  }

  settleApproval(
    id: string,
    answer: 'approved' | 'rejected',
    person: { by: string; reason: string; tag: string; isDry?: boolean },
  ): Approval | Rejected {
    this.#note(`${answer} ${id} by ${person.by}: ${person.reason} [${person.tag}]`, person.isDry === true);
    const found = this.approvalList.find((each) => each.id === id);
    if (found === undefined) return rejected(404, 'approval_unknown');
    if (found.status !== 'waiting') return rejected(409, 'settled');
    if (found.tag !== person.tag) return rejected(412, 'changed');
    const settled = { ...found, status: answer, decidedAtMs: this.clock.nowMs(), decidedBy: person.by };
    this.approvalList = this.approvalList.map((each) => (each.id === id ? settled : each));
    return settled;
  }

  releaseBrake(scope: string, by: string, reason: string, isDry = false): BrakeView | Rejected {
    this.#note(`release ${scope} by ${by}: ${reason}`, isDry);
    const found = this.brakeList.find((each) => each.scope === scope);
    if (found === undefined) return rejected(404, 'brake_unknown');
    if (found.state === undefined) return rejected(409, 'brake_off');
    const released = { atMs: this.clock.nowMs(), by, reason };
    return { ...found, on: false, state: { ...found.state, released } };
  }

  promote(
    action: string,
    by: string,
    reason: string,
    isDry = false,
  ): { action: string; mode: Mode } | Rejected {
    this.#note(`promote ${action} by ${by}: ${reason}`, isDry);
    const known = this.demotedList.some((each) => each.action === action);
    return known ? { action, mode: 'auto' } : rejected(409, 'trusted');
  }

  outcomes(query: Parameters<DaemonPort['outcomes']>[0]): Outcomes[] {
    this.asked.push(`outcomes ${JSON.stringify(query)}`);
    return this.outcomeList;
  }

  rearm(by: string, reason: string, isDry = false): Quarantine | Rejected {
    this.#note(`rearm by ${by}: ${reason}`, isDry);
    const { quarantine } = this;
    if (!isDry) this.quarantine = undefined;
    return quarantine ?? rejected(409, 'trusted');
  }

  /** What a reload, a rollback or a plan is refused for. */
  refusal: Pick<ReloadAnswer, 'cause' | 'held'> = { cause: 'invalid' };
  planAnswer: PlanAnswer = { kind: 'invalid', problems: ['a.yaml:1:1: unknown key'] };

  async reload({ by, confirm, isDry = false }: ReloadRequest): Promise<ReloadAnswer> {
    this.#note(`reload by ${by}${confirm === undefined ? '' : `: ${confirm}`}`, isDry);
    const ok = this.reloadProblems.length === 0;
    const refusal = ok ? {} : this.refusal;
    return { ok, revision: 'abcdef', problems: this.reloadProblems, restart: [], ...refusal };
  }

  async rollback({
    by,
    reason,
    commit,
    resume,
    isDry = false,
  }: RollbackRequest): Promise<ReloadAnswer | Rejected> {
    const to = resume ? 'the branch' : (commit ?? 'the one before');
    this.#note(`rollback to ${to} by ${by}: ${reason}`, isDry);
    return commit === 'fffffff' ? rejected(422, 'no_such_commit') : this.reload({ by, isDry });
  }

  async plan(request: PlanRequest): Promise<PlanAnswer> {
    this.asked.push(`plan ${JSON.stringify(request)}`);
    return this.planAnswer;
  }

  config(): ConfigView {
    const commit = { id: 'a'.repeat(40), subject: 'first', author: 'Ann', committedAtMs: startMs };
    const { definitions } = this.now();
    const { revision, loadedAtMs, lastReloadOk, problems } = definitions;
    const git = {
      kind: 'git',
      url: 'git@x:y',
      branch: 'main',
      path: '',
      commit,
      lookedAtMs: startMs,
    } as const;
    const hold = { hostsPercent: 20, checksPercent: 20, rewritten: true };
    return { revision, loadedAtMs, lastReloadOk, problems, hold, source: git, commits: [commit] };
  }

  factList: SourceFacts[] = [];
  originList: HostOrigin[] = [];
  inventoryList: InventoryView[] = [];
  registrationList: RegistrationView[] = [];

  readonly facts: FactsPort = {
    of: () => this.factList,
    origin: () => this.originList,
    counts: () => ({ oldestAgeMs: 61_000, problems: 2 }),
  };

  notifyList: NotifyTargetView[] = [];
  notifyAnswer: Omit<NotifyTest, 'target' | 'kind'> = { ok: true, answer: 'ok', tookMs: 12 };

  downtimeList: PlannedDowntime[] = [];

  readonly coverage: CoveragePort = {
    downtimes: (beforeMs) => this.downtimeList.filter(({ startsAtMs }) => startsAtMs < beforeMs),
    of: ({ hosts }) => ({ hosts: hosts.length, checks: 0, examples: [] }),
    isFor: (suppression, hosts) => suppression.kind === 'acknowledgement' && hosts.has(suppression.host),
  };

  messageList: MessageView[] = [];
  routeLadders: RouteAnswer['ladders'] = [];

  readonly notify: NotifyPort = {
    messages: (query) => {
      const { status, target, host } = query;
      const kept = this.messageList.filter(
        (each) =>
          (status === undefined || each.status === status) &&
          (target === undefined || each.target === target) &&
          (host === undefined || each.host === host),
      );
      return pageThrough(kept, query);
    },
    retry: (id, by, isDry) => {
      if (isDry !== true) this.asked.push(`retry ${id} by ${by}`);
      const found = this.messageList.find((each) => each.id === id);
      if (found === undefined) return rejected(404, 'not_found');
      return found.status === 'sent' ? rejected(409, 'sent') : { ...found, status: 'waiting' };
    },
    dismiss: (id, by, isDry) => {
      this.#note(`dismiss ${id} by ${by}`, isDry === true);
      const found = this.messageList.find((each) => each.id === id);
      if (found === undefined) return rejected(404, 'not_found');
      return found.status === 'dead' ? { ...found, status: 'dismissed' } : rejected(409, found.status);
    },
    dismissUpTo: (id, target, by, isDry) => {
      this.#note(`dismiss up to ${id} of ${target ?? 'all'} by ${by}`, isDry === true);
      return this.messageList.filter((each) => each.status === 'dead').length;
    },
    counts: () => ({ waiting: 2, sent: 5, dead: 1 }),
    trouble: () => ({ waiting: 2, dead: 1, oldestWaitingAtMs: this.clock.nowMs() - 90_000 }),
    route: (host, check, severity) => {
      this.asked.push(`route ${host}/${check} ${severity ?? 'as it is'}`);
      if (host !== 'web-1') return rejected(404, 'not_found');
      return { host, check, severity: severity ?? 'critical', ladders: this.routeLadders };
    },
    targets: () => this.notifyList,
    test: async (name, by, isDry = false) => {
      this.#note(`notify test ${name} by ${by}`, isDry);
      const found = this.notifyList.find((each) => each.name === name);
      return found === undefined
        ? rejected(404, 'not_found')
        : { target: name, kind: found.kind, ...this.notifyAnswer };
    },
  };

  readonly tokens: TokensPort = {
    list: () => [...this.secrets.values()],
    create: ({ name, scopes, expiresAtMs }, by, isDry) => {
      this.#note(`token ${name} ${scopes.join()} by ${by}`, isDry);
      const expiry = expiresAtMs === undefined ? {} : { expiresAtMs };
      const token = { id: name, name, scopes, createdAtMs: startMs, ...expiry };
      return isDry ? { token } : { token, secret: this.token(name, ...scopes) };
    },
    revoke: (id, by, isDry) => {
      const [secret, found] = [...this.secrets].find(([, each]) => each.id === id) ?? [];
      if (secret === undefined || found === undefined) return rejected(404, 'not_found');
      this.#note(`revoke ${id} by ${by}`, isDry);
      if (!isDry) this.secrets.delete(secret);
      return found;
    },
  };

  readonly outside: OutsidePort = {
    inventories: () => this.inventoryList,
    acceptInventory: (name, { by, reason, tag, isDry = false }) => {
      this.#note(`accept ${name} ${tag} by ${by}: ${reason}`, isDry);
      return this.inventoryList.find((each) => each.name === name) ?? rejected(404, 'not_found');
    },
    register: (told, { address, by, isDry = false }) => {
      this.#note(`register ${JSON.stringify(told)} from ${address} by ${by}`, isDry);
      return this.registrationList[0] ?? rejected(409, 'registration_off');
    },
    registrations: () => this.registrationList,
    admitRegistration: (name, person) => this.#answerRegistration(`admit ${person.tag}`, name, person),
    rejectRegistration: (name, person) => this.#answerRegistration('reject', name, person),
  };

  #answerRegistration(
    word: string,
    name: string,
    { by, reason, isDry = false }: RegistrationAnswer,
  ): RegistrationView | Rejected {
    this.#note(`${word} ${name} by ${by}: ${reason}`, isDry);
    return this.registrationList.find((each) => each.name === name) ?? rejected(404, 'not_found');
  }

  /** A dry run asks nothing of the daemon that would stay. */
  #note(what: string, isDry: boolean): void {
    if (!isDry) this.asked.push(what);
  }

  onEvent(listener: (event: StoredEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Stores an event and tells the listeners, as the daemon does. */
  emit(data: Record<string, unknown> = {}): StoredEvent {
    const event = this.store(data);
    this.tell(event);
    return event;
  }

  /** Tells an event that the store may not have. */
  tell(event: StoredEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Stores an event that nobody hears live. */
  store(data: Record<string, unknown> = {}): StoredEvent {
    const id = (this.events.at(-1)?.id ?? 0) + 1;
    const event: StoredEvent = { id, atMs: this.clock.nowMs(), type: 'state.changed', host: 'web-1', data };
    this.events.push(event);
    return event;
  }

  token(name: string, ...scopes: Scope[]): string {
    const secret = `secret-${name}`;
    this.secrets.set(secret, { id: name, name, scopes, createdAtMs: startMs });
    return secret;
  }

  readonly history: History = {
    transitions: (query) =>
      pageThrough(
        this.transitionList.filter(({ host }) => query.host === undefined || query.host === host),
        query,
      ),
    results: (query) =>
      pageThrough(
        this.resultList.filter(({ host, check }) => host === query.host && check === query.check),
        query,
      ),
    rollups: () => [],
    decisions: (query) =>
      pageThrough(
        this.decisionList.filter(
          ({ host, check, action, atMs }) =>
            (query.host === undefined || query.host === host) &&
            (query.check === undefined || query.check === check) &&
            (query.action === undefined || query.action === action) &&
            (query.atMs === undefined || atMs <= query.atMs),
        ),
        query,
      ),
    eventsAfter: (afterId, limit) => this.events.filter(({ id }) => id > afterId).slice(0, limit),
    lastEventId: () => this.events.at(-1)?.id ?? 0,
  };

  readonly runs: RunBook = {
    get: (id) => this.runList.find((run) => run.id === id),
    list: (query) =>
      pageThrough(
        this.runList.filter(
          (run) =>
            (query.status === undefined || run.status === query.status) &&
            (query.host === undefined || run.host === query.host),
        ),
        query,
      ),
    authenticate: (secret) => this.secrets.get(secret),
    auditEntries: (query) => pageThrough(this.auditList, query),
    walkAudit: () => ({ step: () => this.auditVerdict }),
    auditHead: () => this.auditList[0],
    takeKey: () => ({ kind: 'new' }),
    keepAnswer: () => {},
  };
}

function keyOfCheck({ host, check }: CheckView): string {
  return `${host} ${check}`;
}

function why(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`;
}
