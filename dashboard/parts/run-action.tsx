/**
 * Running an action by hand: which one, exactly what it would do and which gates are closed; only then the form that runs it. The
 * daemon plans and judges; nothing happens by looking.
 */
import { useState } from 'preact/hooks';
import { apiPath, send } from '../http/client.ts';
import { may } from '../http/session.ts';
import type { ActPlanAnswer, PageOf, RunAnswer } from '../http/wire-types.ts';
import { useResource } from '../live/resource.ts';
import { Act, openDialog } from './dialog.tsx';
import { GateTable } from './gate-table.tsx';
import { Output } from './output.tsx';
import { reachOf } from './reach.ts';
import { Reading } from './reading.tsx';
import { plain } from './words.ts';

interface Runbook {
  ladders: {
    trigger: { check: string };
    rungs: { id: string; kind: string; enabled: boolean }[];
  }[];
}

interface Offered {
  id: string;
  kind: string;
  check: string;
}

/** A person must see all of what they say yes to. */
const commandLimit = 64_000;

/** Those of the check first, from the mildest on. */
function offeredOf(runbooks: readonly Runbook[], check: string | undefined): Offered[] {
  const all = runbooks.flatMap(({ ladders }) =>
    ladders.flatMap(({ trigger, rungs }) =>
      rungs.filter(({ enabled }) => enabled).map(({ id, kind }) => ({ id, kind, check: trigger.check })),
    ),
  );
  return [...all.filter((each) => each.check === check), ...all.filter((each) => each.check !== check)];
}

/** For whoever may act; by itself it does nothing. */
export function RunButton({ host, check }: { host: string; check?: string }) {
  if (!may('act')) return null;
  return (
    <button
      type="button"
      onClick={() => openDialog(`Run an action on ${host}`, () => <Choice host={host} check={check} />, true)}
    >
      Run an action…
    </button>
  );
}

function Choice({ host, check }: { host: string; check: string | undefined }) {
  const [chosen, choose] = useState('');
  const found = useResource<PageOf<Runbook>>(
    `/api/v1/runbooks?${new URLSearchParams({ host, limit: '500' })}`,
    ({ type }) => type === 'definitions.reloaded',
  );
  return (
    <Reading of={found}>
      {({ items }) => {
        const offered = offeredOf(items, check);
        const action = offered.find(({ id }) => id === chosen) ?? offered[0];
        if (action === undefined) return <p class="dim">No runbook has an action for this host.</p>;
        return (
          <>
            <label class="field">
              Action
              <select value={action.id} onChange={({ currentTarget }) => choose(currentTarget.value)}>
                {offered.map(({ id, kind, check: of }) => (
                  <option key={id} value={id}>
                    {id}: {plain(kind)}, for {of}
                  </option>
                ))}
              </select>
            </label>
            <Planned key={action.id} host={host} action={action.id} />
          </>
        );
      }}
    </Reading>
  );
}

function Planned({ host, action }: { host: string; action: string }) {
  const path = apiPath`/api/v1/hosts/${host}/actions/${action}/run`;
  const plan = useResource<ActPlanAnswer>(
    `${path}?dry_run=true`,
    (event) => event.host === host || event.type === 'definitions.reloaded',
  );
  return (
    <Reading of={plan}>
      {(value) =>
        value.allowed ? (
          <Act<RunAnswer>
            reason="needed"
            confirm="Run it"
            danger
            typeWord={host}
            run={({ reason }) => send('POST', path, { reason })}
            done={`Started: ${action} on ${host}.`}
          >
            <Plan plan={value} />
          </Act>
        ) : (
          <>
            <Plan plan={value} />
            <p class="note edge-bad">
              <b>✖ A closed gate would stop it, also for a person.</b> Nothing was done.
            </p>
          </>
        )
      }
    </Reading>
  );
}

function Plan({ plan: { host, command, gates, allowed } }: { plan: ActPlanAnswer }) {
  const closed = gates.filter(({ passed }) => !passed).map(({ gate }) => plain(gate));
  return (
    <>
      <p>This would run on {host}, exactly:</p>
      <Output block class="command" text={command} limit={commandLimit} />
      <ul class="plain">
        {reachOf(gates).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      {allowed && closed.length > 0 ? (
        <p class="note edge-warn">
          <b>▲ Closed for rules, not for a person:</b> {closed.join(', ')}.
        </p>
      ) : undefined}
      <details class="more">
        <summary>What each of the {gates.length} gates says</summary>
        <GateTable gates={gates} />
      </details>
    </>
  );
}
