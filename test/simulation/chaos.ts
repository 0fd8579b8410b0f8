/** What goes wrong in a simulation, and what people do meanwhile: one thing after another, chosen by chance. */
import { MenddError } from '../../core/errors.ts';
import { Persons } from './persons.ts';
import { editedDefinitions } from './simulated-definitions.ts';
import type { Simulation } from './simulation.ts';
import { type Machine, opsBox } from './world.ts';

const dayMs = 86_400_000;

export class Chaos {
  readonly #simulation: Simulation;
  readonly #persons: Persons;
  readonly #mixture: (readonly [() => void, number])[];
  #revision = 1;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#persons = new Persons(simulation);
    this.#mixture = this.#mixed();
  }

  start(untilMs: number): void {
    const { clock, random } = this.#simulation;
    this.#simulation.world.faults = random.pick([0, 0.15, 0.3]);
    const next = (): void => {
      if (clock.monotonicMs >= untilMs) return;
      clock.after(random.between(500, 5_000), () => {
        if (this.#simulation.isCalm) return;
        this.#strike();
        next();
      });
    };
    next();
  }

  /** Each seed has its own mixture: what is always everywhere would hide what only comes after long quiet. */
  #strike(): void {
    const what = this.#simulation.random.weighted(this.#mixture);
    what();
  }

  #mixed(): (readonly [() => void, number])[] {
    const { random } = this.#simulation;
    const some = (weight: number): number => weight * random.pick([0, 0.5, 1, 2]);
    return [
      [() => this.#fail(), 11],
      [() => this.#hostTrouble(), some(1.5)],
      [() => this.#massFailure(), some(0.25)],
      [() => this.#ownNetwork(), some(0.3)],
      [() => this.#ownTime(), some(0.4)],
      [() => this.#disk(), some(0.5)],
      [() => this.#edit(), some(0.4)],
      [() => this.#person(), 0.5 + some(3)],
      [() => this.#simulation.terminate(), some(0.2)],
    ];
  }

  #host(): Machine {
    const { random, world } = this.#simulation;
    return world.machine(random.pick([...world.machines.keys()].filter((name) => name !== opsBox)));
  }

  /** For some time. */
  #while(begin: () => void, end: () => void, low: number, high: number): void {
    const { clock, random } = this.#simulation;
    begin();
    clock.after(random.between(low, high) * 1_000, end);
  }

  #fail(): void {
    const { random } = this.#simulation;
    const machine = this.#host();
    machine.unitUp = false;
    machine.broken = random.chance(0.2);
    this.#simulation.clock.after(random.between(15, 40) * 1_000, () => {
      machine.broken = false;
      machine.unitUp = true;
    });
    this.#simulation.tell(`the unit of ${machine.name} fails${machine.broken ? ' for good' : ''}`);
  }

  #hostTrouble(): void {
    const { random, world } = this.#simulation;
    const machine = this.#host();
    const flags = random.pick(['cut', 'keyChanged', 'flaps', 'people', 'off'] as const);
    this.#simulation.tell(`${machine.name}: ${flags}`);
    if (flags === 'off') return world.powerCycle(machine, random.between(5, 90) * 1_000);
    if (flags === 'people') {
      const kind = random.pick(['lock_file', 'unit_stopped', 'login'] as const);
      machine.people = [{ kind, text: 'somebody' }];
      return this.#while(
        () => undefined,
        () => {
          machine.people = [];
        },
        5,
        60,
      );
    }
    this.#while(
      () => {
        machine[flags] = true;
      },
      () => {
        machine[flags] = false;
      },
      5,
      30,
    );
  }

  #massFailure(): void {
    const { world, random } = this.#simulation;
    const rack = random.between(0, 4);
    const isConcerned = (name: string): boolean => name !== opsBox && Number(name.slice(1)) % 5 === rack;
    const some = [...world.machines.values()].filter(({ name }) => isConcerned(name) || random.chance(0.2));
    for (const machine of some) machine.unitUp = machine.name === opsBox;
    this.#simulation.tell(`${some.length} units fail at once`);
    this.#while(
      () => undefined,
      () => {
        for (const machine of some) machine.unitUp = true;
      },
      20,
      80,
    );
  }

  #ownNetwork(): void {
    const { world, random } = this.#simulation;
    const what = random.pick(['cutOff', 'canariesDown'] as const);
    this.#simulation.tell(`the ops box: ${what}`);
    this.#while(
      () => {
        world[what] = true;
      },
      () => {
        world[what] = false;
      },
      4,
      15,
    );
  }

  #ownTime(): void {
    const { clock, random, invariants } = this.#simulation;
    const what = random.pick(['day on', 'day back', 'minute back', 'suspend', 'stall'] as const);
    this.#simulation.tell(`the ops box: ${what}`);
    if (what === 'suspend') clock.suspend(1_800_000);
    else if (what === 'stall') clock.pass(random.between(5, 25) * 1_000);
    else clock.wallMs += what === 'day on' ? dayMs : what === 'day back' ? -dayMs : -60_000;
    invariants.upset();
  }

  #disk(): void {
    const { random } = this.#simulation;
    const state = random.pick(['full', 'gone'] as const);
    this.#simulation.tell(`the disk is ${state}`);
    this.#while(
      () => {
        this.#simulation.disk = state;
      },
      () => {
        this.#simulation.disk = 'well';
        this.#simulation.tell('the disk is well');
      },
      1,
      8,
    );
  }

  #edit(): void {
    const { random, life, definitions } = this.#simulation;
    this.#revision += 1;
    const next = editedDefinitions(definitions, `r${this.#revision}`, random);
    const { mode } = next.daemon.remediation;
    this.#simulation.tell(`definitions ${next.revision}: ${next.byHost.size} hosts, mode ${mode}`);
    this.#simulation.definitions = next;
    if (life !== undefined && !life.isOver) this.#attempt(() => life.swap(next));
  }

  #person(): void {
    const { life } = this.#simulation;
    if (life !== undefined && !life.isOver) this.#attempt(() => this.#persons.command(life.port));
  }

  /** The daemon says no: that is an answer. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      this.#simulation.tell(`refused: ${error.message}`);
    }
  }
}
