/** The gates of a decision: which stopped it, what each saw, and what would open it. */
import type { GateAnswer } from '../http/wire-types.ts';
import { Output } from './output.tsx';
import { Until } from './time.tsx';
import { figures, plain } from './words.ts';

export function GateTable({ gates }: { gates: readonly GateAnswer[] }) {
  if (gates.length === 0) return <p class="dim">No gates were asked.</p>;
  return (
    <div class="scroll" role="region" aria-label="Gates" tabIndex={0}>
      <table class="gates">
        <thead>
          <tr>
            <th scope="col">Gate</th>
            <th scope="col">Said</th>
            <th scope="col">Saw</th>
          </tr>
        </thead>
        <tbody>
          {gates.map((each) => (
            <tr key={each.gate} class={each.passed ? '' : 'stopped'}>
              <th scope="row">{plain(each.gate)}</th>
              <td class={each.passed ? 'ok' : 'bad'}>
                {each.passed ? '✓ pass' : `✗ ${plain(each.reason ?? 'stop')}`}
              </td>
              <td>
                <Output text={figures(each.values)} prose />
                {each.opens === undefined ? undefined : (
                  <div>
                    opens: <Output text={each.opens} prose />
                  </div>
                )}
                {each.opensAt === undefined ? undefined : (
                  <div>
                    earliest <Until at={each.opensAt} />
                  </div>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The gate that stopped it in one line; all of them on demand. */
export function Gates({ gates }: { gates: readonly GateAnswer[] }) {
  const stopped = gates.filter(({ passed }) => !passed);
  return (
    <details class="more">
      <summary>
        {stopped.length === 0
          ? `All ${gates.length} gates passed`
          : `Stopped by ${stopped.map(({ gate }) => plain(gate)).join(', ')}; all ${gates.length} gates`}
      </summary>
      <GateTable gates={gates} />
    </details>
  );
}
