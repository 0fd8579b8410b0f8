/** What people command in a simulation: any of it, at any moment, right or wrong. */
import { isOpen } from '../../core/types.ts';
import type { DaemonPort } from '../../core/views.ts';
import type { Random } from './random.ts';
import type { Simulation } from './simulation.ts';

const by = 'ada';
const reason = 'because';

export class Persons {
  readonly #simulation: Simulation;
  readonly #random: Random;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#random = simulation.random;
  }

  /** Errors: MenddError. */
  command(port: DaemonPort): void {
    const what = this.#random.weighted<(port: DaemonPort) => string>([
      [(to) => this.#pause(to), 0.7],
      [(to) => this.#suppress(to), 2],
      [(to) => this.#answer(to), 8],
      [(to) => this.#cancel(to), 2],
      [(to) => this.#act(to), 2],
      [(to) => this.#trust(to), 2],
    ]);
    this.#simulation.tell(`ada: ${what(port)}`);
  }

  get #nowMs(): number {
    return this.#simulation.clock.wallMs;
  }

  #host(): string {
    return this.#random.pick([...this.#simulation.definitions.byHost.keys()]);
  }

  #pause(port: DaemonPort): string {
    if (this.#simulation.ledger.pause !== undefined) {
      port.resume(by);
      return 'resume';
    }
    const untilMs = this.#nowMs + this.#random.between(3, 12) * 1_000;
    port.pause({ by, reason, ...(this.#random.chance(0.95) ? { untilMs } : {}) });
    return 'pause';
  }

  #suppress(port: DaemonPort): string {
    const host = this.#host();
    const endsAtMs = this.#nowMs + this.#random.between(5, 60) * 1_000;
    if (this.#random.chance(0.5)) {
      const match = { hosts: [host], labels: {}, checks: [] };
      port.addSuppression({ kind: 'silence', match, endsAtMs, reason }, by);
      return `silence ${host}`;
    }
    port.addSuppression({ kind: 'acknowledgement', host, check: 'app.running', sticky: false, reason }, by);
    return `acknowledge ${host}`;
  }

  /** Mostly what was asked; sometimes from a page that is old. */
  #answer(port: DaemonPort): string {
    const asked = port.approvals().filter(({ status }) => status === 'waiting' || this.#random.chance(0.1));
    if (asked.length === 0) return 'nothing to answer';
    const { id, tag } = this.#random.pick(asked);
    const answer = this.#random.chance(0.8) ? 'approved' : 'rejected';
    const said = port.settleApproval(id, answer, { by, reason, tag: this.#random.chance(0.9) ? tag : 'old' });
    return `${answer} ${id}: ${'kind' in said ? said.code : said.status}`;
  }

  #cancel(port: DaemonPort): string {
    const open = [...this.#simulation.ledger.runs.entries()].filter(([, run]) => isOpen(run));
    if (open.length === 0) return 'nothing to cancel';
    const [id] = this.#random.pick(open);
    const written = (): number | undefined => this.#simulation.life?.coordinator.auditHead()?.seq;
    const before = written();
    const said = port.cancelRun(id, by);
    if (!('kind' in said) || said.kind !== 'rejected') return `cancel ${id}: closed`;
    if (written() !== before) throw new Error(`a refused cancel stands in the audit: ${said.code}`);
    return `cancel ${id}: ${said.code}`;
  }

  #act(port: DaemonPort): string {
    const host = this.#host();
    const rungs =
      this.#simulation.definitions.byHost.get(host)?.ladders.flatMap((ladder) => ladder.rungs) ?? [];
    if (rungs.length === 0) return 'nothing to do';
    const { id } = this.#random.pick(rungs);
    const said = port.act(host, id, by, reason);
    return `act ${id} on ${host}: ${said.kind === 'rejected' ? said.code : said.id}`;
  }

  #trust(port: DaemonPort): string {
    const [cap] = port.demoted();
    if (cap !== undefined) port.promote(cap.action, by, reason);
    const on = port.brakes().find((brake) => brake.on);
    if (on !== undefined) port.releaseBrake(on.scope, by, reason);
    return `promote ${cap?.action ?? 'nothing'}, release ${on?.scope ?? 'nothing'}`;
  }
}
