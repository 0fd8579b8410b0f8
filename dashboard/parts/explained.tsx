/** Why something is done or not: the rungs, the answer, its gates, and when it could come; now or as it was decided then. */
import type { ExplainedAnswer, ExplanationAnswer } from '../http/wire-types.ts';
import { useResource } from '../live/resource.ts';
import { GateTable } from './gate-table.tsx';
import { Output } from './output.tsx';
import { Reading } from './reading.tsx';
import { At, Until } from './time.tsx';
import { plain, shortName } from './words.ts';

const verdicts: Readonly<Record<string, string>> = {
  act: 'runs',
  would_act: 'would run',
  held: 'is held',
  gave_up: 'gave up',
  nothing: 'has nothing to do',
};

/** The trouble of a host itself, in place of a check. */
export const hostCheck = 'host';

interface ExplainedProps {
  host: string;
  check: string;
  /** A moment that is gone; now without it. */
  at?: string;
}

export function explainPath({ host, check, at }: ExplainedProps): string {
  // The trouble of a host is no check that could be asked for by its name.
  const place = check === hostCheck ? { host } : { host, check };
  return `/api/v1/explain?${new URLSearchParams({ ...place, ...(at === undefined ? {} : { at }) })}`;
}

export function Explained({ host, check, at }: ExplainedProps) {
  const found = useResource<ExplainedAnswer>(
    explainPath({ host, check, ...(at === undefined ? {} : { at }) }),
    (event) => at === undefined && event.host === host,
  );
  return <Reading of={found}>{(answer) => <Shown answer={answer} check={check} />}</Reading>;
}

function Shown({ answer, check }: { answer: ExplainedAnswer; check: string }) {
  const explanations = answer.explanations.filter((each) => each.check === check);
  if (explanations.length === 0)
    return (
      <p class="dim">
        {answer.source === 'now' ? 'No action is configured for this.' : 'Nothing was decided by then.'}
      </p>
    );
  return (
    <>
      {answer.source === 'ledger' ? (
        <p class="note edge-calm">
          As it was decided at <At at={answer.at} />, from the stored decisions.
        </p>
      ) : undefined}
      {explanations.map((each) => (
        <One key={`${each.ladder} ${each.action}`} of={each} />
      ))}
    </>
  );
}

function One({ of }: { of: ExplanationAnswer }) {
  return (
    <section class="explained">
      <p>
        <b>{shortName(of.action)}</b> {verdicts[of.verdict] ?? plain(of.verdict)}
        {of.verdict === 'act' ? undefined : `: ${plain(of.reason)}`}
        {of.earliest === undefined ? undefined : (
          <>
            {' '}
            · earliest <Until at={of.earliest} />
          </>
        )}
      </p>
      {of.rungs.length === 0 ? undefined : (
        <ol class="rungs">
          {of.rungs.map((rung) => (
            <li key={rung.action}>
              <b>{shortName(rung.action)}</b> <span class="dim">{plain(rung.kind)}</span> {rung.status}
              {rung.why === '' ? undefined : (
                <>
                  : <Output text={rung.why} limit={300} prose />
                </>
              )}
            </li>
          ))}
        </ol>
      )}
      <details class="more">
        <summary>
          {of.gates.filter(({ passed }) => passed).length} of {of.gates.length} gates pass
        </summary>
        <GateTable gates={of.gates} />
      </details>
    </section>
  );
}
