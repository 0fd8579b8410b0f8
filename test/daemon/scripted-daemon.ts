/**
 * The healing parts of a daemon over a real store, with a target whose answers a test gives one by one: for what happens between
 * two answers, which a real host cannot be made to show. Time moves only when told.
 */
import type { Definitions, HostPlan } from '../../core/definitions.ts';
import type {
  GuardOutcome,
  GuardRecord,
  GuardRequest,
  TargetFacts,
  TargetGuard,
} from '../../core/guard-port.ts';
import type { Coordinator, Store, Target } from '../../core/ports.ts';
import type { CheckState, Run } from '../../core/types.ts';
import { createHealing, type Healing } from '../../daemon/healing.ts';
import { createLog } from '../../daemon/log.ts';
import { createRunner } from '../../runner/runner.ts';
import { openStores } from '../../store/open.ts';
import { remediationOf } from '../support/definitions.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { wholeDefinitions } from '../support/whole-definitions.ts';

const bootId = 'boot-1';
export function definitionsOf(
  plans: HostPlan[],
  more: Partial<Definitions['daemon']['remediation']> = {},
): Definitions {
  return { ...wholeDefinitions(plans, remediationOf(more)), runbooks: [] };
}

/** What the target answers; each may wait for as long as the test likes. */
export class ScriptedGuard implements TargetGuard {
  readonly sent: string[] = [];
  facts = (): Promise<TargetFacts> => Promise.resolve({ kind: 'facts', bootId, uptimeSec: 1_000 });
  answer: (request: GuardRequest) => GuardOutcome | Promise<GuardOutcome> = () => ({
    kind: 'ran',
    exitCode: 0,
    stdout: '',
    stderr: '',
    truncated: false,
    durationMs: 1,
  });
  inspect: (target: Target, intentId: string) => Promise<GuardRecord> = () =>
    Promise.resolve({ kind: 'running', bootId });

  async run(request: GuardRequest): Promise<GuardOutcome> {
    const reason = request.beforeSend();
    if (reason !== undefined) return { kind: 'not_sent', reason };
    this.sent.push(request.intent.id);
    return this.answer(request);
  }
}

export class ScriptedDaemon {
  readonly clock: FakeClock;
  readonly guard = new ScriptedGuard();
  readonly store: Store;
  readonly coordinator: Coordinator;
  readonly healing: Healing;
  readonly wanted: string[] = [];

  constructor(path: string, definitions: Definitions, clock = new FakeClock()) {
    this.clock = clock;
    const stores = openStores({ path, nowMs: clock.nowMs() });
    this.store = stores.store;
    this.coordinator = stores.coordinator;
    this.healing = createHealing({
      clock,
      log: createLog('silent'),
      ...stores,
      definitions,
      observe: false,
      runner: createRunner({
        config: definitions.daemon.ssh,
        clock,
        random: () => 0.5,
        hosts: () => undefined,
      }),
      guard: this.guard,
      network: { look: () => Promise.resolve({}) },
      checkSoon: (host, check) => this.wanted.push(`${host}/${check}`),
      onMessageQueued: () => undefined,
      onRunEnded: () => undefined,
    });
  }

  /** Results one after the other, ten seconds apart. */
  async results(...states: CheckState[]): Promise<this> {
    for (const state of states) {
      await this.clock.pass(10_000);
      const result = {
        state,
        text: state,
        longText: '',
        perfdata: [],
        startedAtMs: this.clock.nowMs(),
        durationMs: 1,
      };
      this.healing.fleet.apply('web-1', { kind: 'result', check: 'app.running', result, viaHost: true });
      await settle();
    }
    return this;
  }

  get runs(): Run[] {
    return this.coordinator.list({ limit: 500 }).items.toReversed();
  }

  get outcomes(): string[] {
    return this.runs.map((run) => `${run.action} ${run.status}`);
  }

  messages(): string[] {
    return this.coordinator
      .messages({ status: 'pending', limit: 500 })
      .items.toReversed()
      .map((message) => `${message.kind} ${message.key}`);
  }

  close(): void {
    // Its timers live on in a clock that the next daemon goes on with.
    this.healing.history.close();
    this.store.close();
    this.coordinator.close();
  }
}
