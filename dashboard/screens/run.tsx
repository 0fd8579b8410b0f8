/** One run of an action: the exact command, what came back, and every gate that let it pass. */
import { apiPath } from '../http/client.ts';
import { may } from '../http/session.ts';
import type { DecisionAnswer, PageOf, RunAnswer } from '../http/wire-types.ts';
import { useResource } from '../live/resource.ts';
import { askCancel } from '../parts/acts.tsx';
import { Reading } from '../parts/reading.tsx';
import { RunDetails, RunStatus } from '../parts/run-details.tsx';
import { shortName } from '../parts/words.ts';
import { link } from '../route.ts';

export function Run({ id }: { id: string }) {
  const run = useResource<RunAnswer>(apiPath`/api/v1/runs/${id}`, (event) => event.runId === id);
  const { host, action } = run.data.value ?? {};
  const decisions = useResource<PageOf<DecisionAnswer>>(
    host === undefined || action === undefined
      ? undefined
      : `/api/v1/decisions?${new URLSearchParams({ host, action, limit: '50' })}`,
    () => false,
  );
  const check = decisions.data.value?.items.find(({ runId }) => runId === id)?.check;
  return (
    <Reading of={run} title={id}>
      {(value) => <Shown run={value} check={check} />}
    </Reading>
  );
}

/** What a person may close; what is being sent can only be waited for. */
const closable: readonly string[] = ['intended', 'unknown', 'verifying'];

function Shown({ run, check }: { run: RunAnswer; check: string | undefined }) {
  return (
    <article>
      <p class="crumbs">
        <a href="/runs">Runs</a> › <a href={link('hosts', run.host)}>{run.host}</a>
      </p>
      <header class="title">
        <h1>
          {shortName(run.action)} on {run.host}
        </h1>
        <RunStatus status={run.status} />
        {check === undefined ? undefined : <a href={link('incidents', run.host, check)}>Incident {check}</a>}
        {closable.includes(run.status) && may('act') ? (
          <button type="button" onClick={() => askCancel(run)}>
            {run.status === 'intended' ? 'Cancel…' : 'Close…'}
          </button>
        ) : undefined}
      </header>
      <RunDetails run={run} as="h2" />
    </article>
  );
}
