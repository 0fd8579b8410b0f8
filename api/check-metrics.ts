/** The gauges of single checks in Prometheus's text format, which are most of a scrape. It counts nothing. */
import type { CheckState } from '../core/types.ts';
import type { DaemonPort } from '../core/views.ts';
import { walk } from './paging.ts';

const stateNumbers: Record<CheckState, number> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

const pieceBytes = 65_536;
/** Checks that a scrape tells of; a Prometheus with more series of one daemon is in trouble itself. */
export const checkLimit = 200_000;

/** There may be a hundred thousand of them: they are written as they are read, and others have their turn meanwhile. */
export async function checkLines(daemon: DaemonPort): Promise<{ lines: Buffer[]; leftOut: number }> {
  const states = new Lines(
    'mendd_check_state',
    'State of a check: 0 ok, 1 warning, 2 critical, 3 unknown; absent before the first result',
  );
  const stales = new Lines(
    'mendd_check_stale',
    '1 when the state is old: no result for three intervals, or the host cannot be asked',
  );
  let count = 0;
  await walk(daemon.eachCheck(), ({ host, check, status, stale }) => {
    count += 1;
    if (count > checkLimit) return true;
    const labels = `{host="${quoted(host)}",check="${quoted(check)}"}`;
    if (status.state !== 'pending') states.add(`${labels} ${stateNumbers[status.state]}`);
    stales.add(`${labels} ${stale ? 1 : 0}`);
    return true;
  });
  // Two of each.
  return { lines: [...states.end(), ...stales.end()], leftOut: 2 * Math.max(0, count - checkLimit) };
}

/** Of one gauge, as bytes; put together piece by piece, since all at once would hold the loop. */
class Lines {
  readonly #name: string;
  readonly #pieces: Buffer[] = [];
  #text: string;

  constructor(name: string, help: string) {
    this.#name = name;
    this.#text = `# HELP ${name} ${help}\n# TYPE ${name} gauge\n`;
  }

  add(rest: string): void {
    this.#text += `${this.#name}${rest}\n`;
    if (this.#text.length >= pieceBytes) this.#cut();
  }

  end(): readonly Buffer[] {
    this.#text += '\n';
    this.#cut();
    return this.#pieces;
  }

  #cut(): void {
    this.#pieces.push(Buffer.from(this.#text));
    this.#text = '';
  }
}

/** As a label's value. Source: Prometheus, exposition formats 0.0.4. */
function quoted(text: string): string {
  return /[\\"\n]/.test(text) ? text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n') : text;
}
