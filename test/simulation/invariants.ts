/**
 * What must hold at every moment of a simulation. Judges by books of its own and by the truth of the world; of the daemon it believes
 * only what it shows. The first breach is kept and not thrown: it must not look like a failure of the daemon's own.
 */
import { type Decision, reasons } from '../../core/decisions.ts';
import type { ClaimVerdict, Slots } from '../../core/ports.ts';
import type { Intent } from '../../core/types.ts';
import type { Life } from './daemon-life.ts';
import type { Figures } from './figures.ts';
import type { LedgerModel } from './ledger-model.ts';
import { budgetBreach, lockBreach } from './limit-invariants.ts';
import { permissionBreach } from './permission-invariants.ts';
import type { SimulatedClock } from './simulated-clock.ts';
import { checkEveryMs } from './simulated-definitions.ts';
import { opsBox, type World } from './world.ts';

/** After so long a round counts as complete, whoever did not answer. Milliseconds. */
const roundWithinMs = 2 * checkEveryMs + 60_000;

export interface InvariantsOptions {
  clock: SimulatedClock;
  ledger: LedgerModel;
  figures: Figures;
  world: () => World;
}

export class Invariants {
  breach: Error | undefined;
  readonly #executed = new Set<string>();
  readonly #sent = new Set<string>();
  readonly #asked = new Map<string, number>();
  readonly #options: InvariantsOptions;
  #upsetAtMs = 0;

  constructor(options: InvariantsOptions) {
    this.#options = options;
  }

  /** The ops box cannot trust what it saw until now: it began, slept, stalled, or its clock was set. */
  upset(): void {
    this.#upsetAtMs = this.#options.clock.monotonicMs;
    this.#asked.clear();
  }

  /** A check began then, on the monotonic clock, and came to an end. */
  asked(host: string, beganAtMs: number): void {
    if (beganAtMs >= this.#upsetAtMs) this.#asked.set(host, beganAtMs);
  }

  must(holds: boolean, sentence: () => string): void {
    if (!holds) this.breach ??= new Error(sentence());
  }

  #mustNot(breach: string | undefined): void {
    this.must(breach === undefined, () => breach ?? '');
  }

  decided({ verdict, reason, gates }: Decision): void {
    const { figures } = this.#options;
    const { cause } = gates.find(({ passed, gate }) => !passed && gate === 'self_doubt')?.values ?? {};
    const why = reason === 'self_doubt' ? `${reason} ${String(cause)}` : reason;
    figures.count(verdict === 'held' ? `held ${why}` : `decisions ${verdict}`);
    const hasGates = gates.length > 0 || verdict === 'gave_up';
    this.must(reasons.includes(reason) && hasGates, () => `a decision \`${reason}\` without gates or reason`);
  }

  /** A call that writes the ledger came back. */
  recorded(life: Life, name: string, args: readonly unknown[], result: unknown): void {
    const { ledger } = this.#options;
    if (name === 'claim' && (result as ClaimVerdict).kind === 'claimed') {
      const [intent] = args as [Intent, Slots];
      this.must(!ledger.runs.has(intent.id), () => `${intent.id} was claimed twice`);
      this.#claimed(life, intent);
    }
    if (name === 'dispatched') this.#dispatched(life, args[0] as string);
    ledger.recorded(name, args, result);
  }

  /** One run on the host, every lock, every budget, and everything that lets it act. */
  #claimed(life: Life, intent: Intent): void {
    const { ledger, clock } = this.#options;
    if (intent.kind === 'notify') return;
    const beside = ledger.open.filter((run) => run.intent.host === intent.host);
    const ids = beside.map((run) => run.intent.id).join(' ');
    this.must(beside.length === 0, () => `${intent.id} was claimed beside ${ids}`);
    this.#mustNot(lockBreach(life, ledger, intent));
    this.#mustNot(budgetBreach(life, ledger, intent, clock.wallMs));
    this.#permitted(life, intent, 'claimed');
  }

  /** At the last moment before the first byte leaves: everything that may have changed since the decision. */
  #dispatched(life: Life, runId: string): void {
    const known = this.#options.ledger.runs.get(runId);
    const status = known?.status ?? 'nothing';
    this.must(status === 'intended', () => `${runId} was dispatched as ${status}`);
    if (known !== undefined && known.intent.kind !== 'notify') this.#permitted(life, known.intent, 'sent');
  }

  #permitted(life: Life, intent: Intent, what: 'claimed' | 'sent'): void {
    const { ledger, clock } = this.#options;
    const { fleet } = life.healing;
    if (intent.decidedBy === 'rule') this.#freshRound(intent.id, what, fleet.definitions.byHost.keys());
    const breach = permissionBreach(life, ledger, intent, clock.wallMs);
    this.must(breach === undefined, () => `${intent.id} was ${what} ${breach ?? ''}`);
  }

  /** Nothing acts on what was seen before the ops box was upset. */
  #freshRound(runId: string, what: string, hosts: Iterable<string>): void {
    if (this.#options.clock.monotonicMs - this.#upsetAtMs >= roundWithinMs) return;
    const missing = [...hosts].filter((host) => !this.#asked.has(host));
    this.must(
      missing.length === 0,
      () => `${runId} was ${what} before ${missing.join(' ')} were asked again`,
    );
  }

  /** Bytes leave for a machine: the intent is durable and says so. */
  sent(life: Life, intent: Intent, machine: string): void {
    const id = baseOf(intent.id);
    const run = life.coordinator.get(id);
    const isWritten = run !== undefined && run.status !== 'intended';
    this.must(isWritten, () => `${intent.id} left without a durable intent: ${run?.status ?? 'none'}`);
    // Hooks may be sent again: their guard refuses what it has seen.
    const isHook = id !== intent.id;
    this.must(isHook || !this.#sent.has(intent.id), () => `${intent.id} was sent twice to ${machine}`);
    this.#sent.add(intent.id);
    const isDeaf = this.#options.world().cutOff && machine !== opsBox;
    this.must(!isDeaf, () => `${intent.id} left a box that is cut off`);
  }

  /** A machine begins to run a command. */
  runs(machine: string, intent: Intent): void {
    const [, hook] = /~((?:un)?drain)(?:~\d+)?$/.exec(intent.id) ?? [];
    this.#options.figures.count(`commands ${hook ?? intent.kind}`);
    this.must(!this.#executed.has(intent.id), () => `${intent.id} ran twice on ${machine}`);
    this.#executed.add(intent.id);
    this.must(this.#sent.has(intent.id), () => `${intent.id} runs on ${machine} and was never sent`);
  }
}

/** Hooks of a reboot are sent under its run. */
function baseOf(id: string): string {
  return id.replace(/~(?:un)?drain(?:~\d+)?$/, '');
}
