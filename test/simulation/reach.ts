/** How a simulated daemon reaches its hosts and its own network: every wait, loss and repetition on the way. Dies with its life. */
import type { GuardRequest, TargetGuard } from '../../core/guard-port.ts';
import type { Runner, RunOutcome, Target } from '../../core/ports.ts';
import type { NetworkProbe } from '../../daemon/network-probe.ts';
import type { Life, LifeOptions } from './daemon-life.ts';
import { type Machine, opsBox } from './world.ts';

const never = new Promise<never>(() => undefined);

export class Reach {
  readonly #life: Life;
  readonly #options: LifeOptions;

  constructor(life: Life, options: LifeOptions) {
    this.#life = life;
    this.#options = options;
  }

  #machine(target: Target): Machine {
    return this.#options.world.machine(target.kind === 'local' ? opsBox : target.host.name);
  }

  /** Waits in the world; resolves only while it lives. */
  async #wait(ms: number): Promise<void> {
    if (this.#life.isOver) return never;
    await this.#options.clock.wait(ms);
    if (this.#life.isOver) await never;
  }

  network(): NetworkProbe {
    const { world, random } = this.#options;
    return {
      look: async ({ canaries }) => {
        await this.#wait(random.between(5, 50));
        const asked = canaries.length;
        const isDown = world.canariesDown || world.cutOff;
        return asked === 0 ? {} : { canaries: { asked, answered: isDown ? 0 : asked } };
      },
    };
  }

  async check(host: string, check: string): Promise<void> {
    const { world, random, invariants } = this.#options;
    const { clock, healing } = this.#life;
    const machine = world.machine(host);
    const startedAtMs = clock.nowMs();
    const beganAtMs = clock.monotonicMs();
    await this.#wait(random.between(10, 200));
    const failure = world.failureOf(machine);
    invariants.asked(host, beganAtMs);
    if (failure !== undefined) {
      await this.#wait(random.between(200, 2_000));
      healing.fleet.apply(host, { kind: 'unreachable', failure, startedAtMs });
      return;
    }
    const state = world.checkState(machine);
    const result = { state, text: state, longText: '', perfdata: [], startedAtMs, durationMs: 1 };
    healing.fleet.apply(host, { kind: 'result', check, result, viaHost: true });
  }

  runner(): Runner {
    const { world, random } = this.#options;
    return {
      run: async ({ target }): Promise<RunOutcome> => {
        const startedAtMs = this.#life.clock.nowMs();
        await this.#wait(random.between(50, 1_500));
        const failure = world.failureOf(this.#machine(target));
        if (failure !== undefined) return { kind: 'unreachable', failure, startedAtMs, durationMs: 1 };
        const [exitCode, stdout] = random.chance(world.faults / 3) ? [1, ''] : [0, 'evidence'];
        return { kind: 'exited', exitCode, stdout, stderr: '', truncated: false, startedAtMs, durationMs: 1 };
      },
      update: () => undefined,
      connections: () => ({ open: 0, connecting: 0, waiting: 0, evicted: 0, turnedAway: 0 }),
      batches: () => ({ execs: 0, checks: 0, again: 0 }),
      close: () => Promise.resolve(),
    };
  }

  guard(): TargetGuard {
    const { world, random } = this.#options;
    return {
      run: (request) => this.#send(request),
      inspect: async (target, id) => {
        const machine = this.#machine(target);
        await this.#wait(random.between(20, 300));
        const failure = world.failureOf(machine);
        return failure === undefined ? world.inspect(machine, id) : { kind: 'unreachable', failure };
      },
      facts: async (target, { unit, people } = {}) => {
        const machine = this.#machine(target);
        await this.#wait(random.between(20, 600));
        const failure = world.failureOf(machine);
        if (failure !== undefined) return { kind: 'unreachable', failure };
        return {
          kind: 'facts',
          bootId: world.bootId(machine),
          uptimeSec: world.uptimeSec(machine),
          ...(unit === undefined ? {} : { invocationId: `i${machine.invocation}` }),
          ...(machine.fenceSeen === 0 ? {} : { fenceSeen: machine.fenceSeen }),
          ...(people === undefined ? {} : { people: machine.people }),
        };
      },
    };
  }

  async #send(request: GuardRequest): ReturnType<TargetGuard['run']> {
    const { world, random, clock, invariants, tell } = this.#options;
    const machine = this.#machine(request.target);
    await this.#wait(random.between(20, 1_000));
    const failure = world.failureOf(machine);
    if (failure !== undefined) return { kind: 'not_sent', reason: failure.message };
    const reason = request.beforeSend();
    if (this.#life.isOver) return never;
    if (reason !== undefined) return { kind: 'not_sent', reason };
    const { id } = request.intent;
    invariants.sent(this.#life, request.intent, machine.name);
    const way = random.chance(world.faults)
      ? random.pick(['lost before', 'lost after', 'late', 'twice', 'unheard'] as const)
      : 'straight';
    tell(`sent ${id} to ${machine.name}${way === 'straight' ? '' : `: ${way}`}`);
    // What is on its way arrives, whoever dies meanwhile.
    this.#life.point('after the sending');
    if (way === 'lost before') return this.#lost(random.between(100, 5_000));
    await clock.wait(way === 'late' ? random.between(5_000, 60_000) : random.between(5, 100));
    if (world.failureOf(machine) !== undefined) return this.#lost(1_000);
    if (way === 'unheard') {
      world.ignore(machine, id);
      return this.#lost(random.between(10, 3_000));
    }
    const answer = world.arrive(machine, request);
    if (way === 'twice')
      void clock.wait(random.between(1, 20_000)).then(() => world.arrive(machine, request));
    if (way === 'lost after' || way === 'late') return this.#lost(random.between(10, 3_000));
    const outcome = await answer;
    await this.#wait(random.between(5, 50));
    return world.failureOf(machine, true) === undefined ? outcome : this.#lost(100);
  }

  async #lost(afterMs: number): ReturnType<TargetGuard['run']> {
    await this.#wait(afterMs);
    return { kind: 'unknown', failure: { stage: 'lost', message: 'connection lost', hint: 'h', sent: true } };
  }
}
