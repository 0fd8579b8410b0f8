/** What a reload would change, as the daemon plans it; nothing changes by looking. */
import { useEffect, useState } from 'preact/hooks';
import { type Answer, send } from '../http/client.ts';
import type { PlanAnswer } from '../http/wire-types.ts';
import { openView } from './dialog.tsx';
import { Output } from './output.tsx';
import { ProblemNote } from './problem.tsx';
import { count } from './words.ts';

type Plan = PlanAnswer['plan'];
type Changes = Plan['checks'];

export function openPlan(revision: string): void {
  openView('plan', 'What a reload would change', () => <PlanView revision={revision} />);
}

function PlanView({ revision }: { revision: string }) {
  const [answer, setAnswer] = useState<Answer<PlanAnswer> | undefined>(undefined);
  useEffect(() => {
    void send<PlanAnswer>('POST', '/api/v1/plan', {}, { withinMs: 120_000 }).then(setAnswer);
  }, []);
  if (answer === undefined) return <p role="status">Asking…</p>;
  if (!answer.ok)
    return (
      <>
        <ProblemNote problem={answer.problem} />
        {(answer.problem.problems ?? []).map((text) => (
          <Output key={text} text={text} block />
        ))}
      </>
    );
  const { plan, warnings } = answer.value;
  return (
    <div class="plan">
      {plan.to === revision ? <p>Nothing: the newest are in force.</p> : <Told plan={plan} />}
      {warnings.map((text) => (
        <p key={text} class="note edge-warn">
          <Output text={text} />
        </p>
      ))}
    </div>
  );
}

function Told({ plan }: { plan: Plan }) {
  const { state } = plan;
  return (
    <>
      <p>
        <code>{plan.from}</code> → <code>{plan.to}</code>
      </p>
      {plan.hold.length === 0 ? undefined : (
        <div class="note edge-warn">
          <b>▲ A person would have to confirm it:</b>
          <ul>
            {plan.hold.map((why) => (
              <li key={why}>
                <Output text={why} />
              </li>
            ))}
          </ul>
        </div>
      )}
      <ul>
        <Part name="Hosts" changes={plan.hosts} />
        <Part name="Checks" changes={plan.checks} />
        <Part name="Actions" changes={plan.actions} />
        <Part name="Silences and downtimes" changes={plan.suppressions} />
        {plan.selectors.map((each) => (
          <li key={each.runbook}>
            Runbook <Output text={each.runbook} />: {count(each.before, 'host')} → {each.after}
            <Names sign="+" names={each.gained} />
            <Names sign="−" names={each.lost} />
          </li>
        ))}
        {plan.daemon.length === 0 ? undefined : (
          <li>
            Of the daemon file: <Output text={plan.daemon.join(', ')} />
          </li>
        )}
        {plan.restart.length === 0 ? undefined : (
          <li>
            Only at the next start: <Output text={plan.restart.join(', ')} />
          </li>
        )}
      </ul>
      <p class="dim">
        Of {count(state.before, 'check state')} {state.kept} are kept, {state.fresh} begin anew,{' '}
        {state.forgotten} are forgotten.
      </p>
    </>
  );
}

function Part({ name, changes }: { name: string; changes: Changes }) {
  const { gained, lost, changed } = changes;
  if (gained.count + lost.count + changed.count === 0) return null;
  return (
    <li>
      {name}
      <Names sign="+" names={gained} />
      <Names sign="−" names={lost} />
      <Names sign="~" names={changed} />
    </li>
  );
}

function Names({ sign, names }: { sign: string; names: Changes['gained'] }) {
  if (names.count === 0) return null;
  return (
    <>
      {' '}
      <b>
        {sign}
        {names.count}
      </b>{' '}
      <Output text={names.names.join(', ')} limit={600} class="dim" />
    </>
  );
}
