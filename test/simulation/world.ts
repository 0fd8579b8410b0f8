/**
 * The truth of a simulation: machines, what runs on them, and the network between them and the ops box, with all its faults. Keeps
 * what really happened, whatever a daemon believes.
 */
import type { GuardOutcome, GuardRecord, GuardRequest, HumanSign } from '../../core/guard-port.ts';
import type { CheckState, Intent, TransportFailure } from '../../core/types.ts';
import type { Figures } from './figures.ts';
import type { Random } from './random.ts';
import type { SimulatedClock } from './simulated-clock.ts';

interface Received {
  state: 'seen' | 'running' | 'finished';
  exitCode: number;
}

export interface Machine {
  name: string;
  boot: number;
  bootedAtMs: number;
  /** Off until then, in the time of the world. */
  offUntilMs: number;
  cut: boolean;
  keyChanged: boolean;
  unitUp: boolean;
  /** No restart helps. */
  broken: boolean;
  flaps: boolean;
  invocation: number;
  fenceSeen: number;
  people: HumanSign[];
  received: Map<string, Received>;
  running: string | undefined;
}

export interface WorldOptions {
  clock: SimulatedClock;
  random: Random;
  figures: Figures;
  tell: (line: string) => void;
  /** A command begins to run; called once for each that is not refused. */
  onExecuted: (machine: string, intent: Intent) => void;
}

/** Name of the ops box among the machines. */
export const opsBox = 'ops';

export class World {
  readonly machines = new Map<string, Machine>();
  /** The ops box reaches nothing. */
  cutOff = false;
  canariesDown = false;
  /** Share of sendings that go wrong in some way. */
  faults = 0.3;
  readonly #options: WorldOptions;

  constructor(options: WorldOptions, names: Iterable<string>) {
    this.#options = options;
    for (const name of [opsBox, ...names]) this.machines.set(name, this.#machine(name));
  }

  #machine(name: string): Machine {
    return {
      name,
      boot: 1,
      bootedAtMs: 0,
      offUntilMs: 0,
      cut: false,
      keyChanged: false,
      unitUp: true,
      broken: false,
      flaps: false,
      invocation: 1,
      fenceSeen: 0,
      people: [],
      received: new Map(),
      running: undefined,
    };
  }

  machine(name: string): Machine {
    const machine = this.machines.get(name);
    if (machine === undefined) throw new Error(`no machine ${name}`);
    return machine;
  }

  bootId(machine: Machine): string {
    return `${machine.name}-boot-${machine.boot}`;
  }

  uptimeSec(machine: Machine): number {
    return (this.#options.clock.worldMs - machine.bootedAtMs) / 1_000;
  }

  isOff(machine: Machine): boolean {
    return machine.offUntilMs > this.#options.clock.worldMs;
  }

  failureOf(machine: Machine, sent = false): TransportFailure | undefined {
    if (machine.name === opsBox) return undefined;
    const failed = (stage: TransportFailure['stage']): TransportFailure => ({
      stage,
      message: stage,
      hint: 'h',
      sent,
    });
    if (this.cutOff || machine.cut || this.isOff(machine)) return failed(sent ? 'lost' : 'connect');
    return machine.keyChanged ? failed('host_key') : undefined;
  }

  checkState(machine: Machine): CheckState {
    if (machine.flaps) machine.unitUp = !machine.unitUp;
    return machine.unitUp ? 'ok' : 'critical';
  }

  /** What is under way on it dies, and what it remembered of intents is gone. */
  powerCycle(machine: Machine, offMs: number): void {
    const { clock, tell } = this.#options;
    tell(`${machine.name} goes down for ${offMs / 1_000} s`);
    machine.offUntilMs = clock.worldMs + offMs;
    machine.boot += 1;
    machine.bootedAtMs = machine.offUntilMs;
    machine.running = undefined;
    machine.received.clear();
    machine.unitUp = !machine.broken;
    machine.invocation += 1;
  }

  /** A sending comes in whose session is gone by then: it is never started. */
  ignore(machine: Machine, id: string): void {
    if (!machine.received.has(id)) machine.received.set(id, { state: 'seen', exitCode: 0 });
  }

  inspect(machine: Machine, id: string): GuardRecord {
    const bootId = this.bootId(machine);
    const known = machine.received.get(id);
    this.ignore(machine, id);
    if (known === undefined || known.state === 'seen') return { kind: 'absent', bootId };
    if (known.state === 'running' && machine.running === id) return { kind: 'running', bootId };
    if (known.state === 'running') return { kind: 'interrupted', bootId };
    return { kind: 'finished', bootId, exitCode: known.exitCode, stdout: '', stderr: '' };
  }

  /** A sending comes in: refused as the real guard does, or run; resolves with what the guard would say. */
  async arrive(machine: Machine, request: GuardRequest): Promise<GuardOutcome> {
    const { clock, figures, tell, onExecuted } = this.#options;
    const { intent, timeoutMs } = request;
    const reason = this.#refusal(machine, intent);
    if (reason !== undefined) {
      figures.count(`refusals ${reason}`);
      tell(`${machine.name} refuses ${intent.id}: ${reason}`);
      return { kind: 'refused', reason, message: reason };
    }
    machine.fenceSeen = Math.max(machine.fenceSeen, intent.fence);
    machine.received.set(intent.id, { state: 'running', exitCode: 0 });
    machine.running = intent.id;
    onExecuted(machine.name, intent);
    const { exitCode, lastsMs, stdout } = this.#carryOut(machine, intent);
    const boot = machine.boot;
    await clock.wait(Math.min(lastsMs, timeoutMs));
    const record = machine.received.get(intent.id);
    if (machine.boot !== boot || record === undefined)
      return { kind: 'unknown', failure: { stage: 'lost', message: 'closed', hint: 'h', sent: true } };
    machine.running = undefined;
    const isLate = lastsMs > timeoutMs;
    machine.received.set(intent.id, { state: 'finished', exitCode: isLate ? 124 : exitCode });
    if (isLate) return { kind: 'timed_out', limitMs: timeoutMs, stdout, stderr: '' };
    return { kind: 'ran', exitCode, stdout, stderr: '', truncated: stdout.length > 100, durationMs: lastsMs };
  }

  #refusal(
    machine: Machine,
    { id, fence, preconditions }: Intent,
  ): 'duplicate' | 'busy' | 'fenced' | 'boot_changed' | 'too_late' | 'unit_changed' | undefined {
    const { bootId, notAfterUptimeSec = Infinity, invocationId } = preconditions;
    if (machine.received.has(id)) return 'duplicate';
    if (machine.running !== undefined) return 'busy';
    if (fence < machine.fenceSeen) return 'fenced';
    if (bootId !== undefined && bootId !== this.bootId(machine)) return 'boot_changed';
    if (this.uptimeSec(machine) > notAfterUptimeSec) return 'too_late';
    if (invocationId !== undefined && invocationId !== `i${machine.invocation}`) return 'unit_changed';
    return undefined;
  }

  /** What the command does in truth: from all it should, to nothing, to harm elsewhere. */
  #carryOut(machine: Machine, intent: Intent): { exitCode: number; lastsMs: number; stdout: string } {
    const { random, tell } = this.#options;
    const lastsMs = random.between(200, 3_000);
    const isWell = !random.chance(this.faults);
    const kind = isWell
      ? 'works'
      : random.pick(['nothing', 'exit 1', 'exit 255', 'hangs', 'floods', 'breaks another']);
    tell(`${machine.name} runs ${intent.id}: ${kind}`);
    if (kind === 'hangs') return { exitCode: 0, lastsMs: 600_000, stdout: '' };
    if (kind === 'exit 1' || kind === 'exit 255')
      return { exitCode: kind === 'exit 1' ? 1 : 255, lastsMs, stdout: '' };
    if (kind === 'breaks another') {
      const other = this.machine(random.pick([...this.machines.keys()]));
      if (other.name !== opsBox) other.unitUp = false;
    }
    if (kind !== 'nothing') this.#takeEffect(machine, intent);
    return { exitCode: 0, lastsMs, stdout: kind === 'floods' ? 'x'.repeat(5_000) : 'done' };
  }

  #takeEffect(machine: Machine, intent: Intent): void {
    const { clock, random } = this.#options;
    if (/~(?:un)?drain(?:~\d+)?$/.test(intent.id)) return;
    const target = this.machine(intent.host);
    if (intent.kind === 'reboot' || intent.action === 'app.power') {
      const offMs = this.faults > 0 && random.chance(0.15) ? 86_400_000 : random.between(3, 30) * 1_000;
      void clock.after(random.between(50, 500), () => this.powerCycle(target, offMs));
    } else if (machine === target) {
      machine.unitUp = !machine.broken;
      machine.invocation += 1;
    }
  }

  /** Everything works again, but for machines that stay cut off. */
  calm(): void {
    this.cutOff = false;
    this.canariesDown = false;
    this.faults = 0;
    for (const machine of this.machines.values()) {
      machine.keyChanged = false;
      machine.broken = false;
      machine.flaps = false;
      machine.cut = false;
      machine.unitUp = true;
      machine.people = [];
      machine.offUntilMs = Math.min(machine.offUntilMs, this.#options.clock.worldMs + 5_000);
      machine.bootedAtMs = Math.min(machine.bootedAtMs, this.#options.clock.worldMs + 5_000);
    }
  }
}
