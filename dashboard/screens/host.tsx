/** One host: how it stands, its checks, what it tells of itself, where its values come from, and what was done to it. */
import { apiPath } from '../http/client.ts';
import type { CheckAnswer, HostAnswer, NowAnswer, PageOf, RunItemAnswer } from '../http/wire-types.ts';
import { isStale, now } from '../live/now-store.ts';
import { useResource } from '../live/resource.ts';
import { checkNow } from '../parts/acts.tsx';
import { StateBadge } from '../parts/badge.tsx';
import { Fact } from '../parts/fact.tsx';
import { HostFacts, HostOrigin } from '../parts/host-facts.tsx';
import { reachedState } from '../parts/host-state.ts';
import { Labels } from '../parts/labels.tsx';
import { markOf } from '../parts/marks.ts';
import { Output } from '../parts/output.tsx';
import { Reading } from '../parts/reading.tsx';
import { Rest } from '../parts/rest.tsx';
import { Row } from '../parts/row.tsx';
import { RunButton } from '../parts/run-action.tsx';
import { RunStatus } from '../parts/run-details.tsx';
import { RunRow } from '../parts/run-row.tsx';
import { useSteady } from '../parts/steady.tsx';
import { Covering } from '../parts/suppression-rows.tsx';
import { Since } from '../parts/time.tsx';
import { count, shortName } from '../parts/words.ts';
import { link } from '../route.ts';

export function Host({ name }: { name: string }) {
  const isOurs = (event: { host?: string }): boolean => event.host === name;
  const host = useResource<HostAnswer>(apiPath`/api/v1/hosts/${name}`, isOurs);
  const checks = useResource<PageOf<CheckAnswer>>(
    `/api/v1/checks?${new URLSearchParams({ host: name, limit: '500' })}`,
    isOurs,
  );
  const runs = useResource<PageOf<RunItemAnswer>>(
    `/api/v1/runs?${new URLSearchParams({ host: name, limit: '20' })}`,
    isOurs,
  );
  return (
    <article>
      <p class="crumbs">
        <a href="/hosts">Hosts</a>
      </p>
      <Reading of={host} title={name}>
        {(value) => <Head host={value} />}
      </Reading>
      <Covering host={name} />
      <section aria-labelledby="checks-title">
        <h2 id="checks-title">Checks</h2>
        <Reading of={checks}>
          {(page) => (
            <>
              <Checks checks={page.items} />
              <Rest of={page} command={`mendd checks --host ${name}`} />
            </>
          )}
        </Reading>
      </section>
      <section aria-labelledby="runs-title">
        <h2 id="runs-title">
          Runs <a href={`/runs?${new URLSearchParams({ host: name })}`}>all</a>
        </h2>
        <Reading of={runs}>{({ items }) => <Runs runs={items} />}</Reading>
      </section>
      <HostFacts host={name} />
      <HostOrigin host={name} />
    </article>
  );
}

function Head({ host }: { host: HostAnswer }) {
  const { status, run } = host;
  return (
    <>
      <header class="title">
        <h1>{host.name}</h1>
        <StateBadge state={reachedState(host)} stale={isStale.value} />
        <span class="dim">
          for <Since at={status.since} />
        </span>
        <RunButton host={host.name} />
      </header>
      <dl class="facts">
        <Fact name="Address">{host.address}</Fact>
        <Fact name="Labels">
          {Object.keys(host.labels).length === 0 ? 'none' : <Labels labels={host.labels} />}
        </Fact>
        <Fact name="Last answer">
          {status.lastSeenAt === undefined ? (
            'never'
          ) : (
            <>
              <Since at={status.lastSeenAt} /> ago
            </>
          )}
        </Fact>
        <Relations host={host} />
        {run === undefined ? undefined : (
          <>
            <Fact name="Open run">
              <a href={link('runs', run.id)}>{shortName(run.action)}</a> <RunStatus status={run.status} />
            </Fact>
          </>
        )}
      </dl>
      {status.failure === undefined ? undefined : (
        <p class="note edge-warn">
          <b>▲ {status.failure.stage.replaceAll('_', ' ')}:</b> <Output text={status.failure.message} prose />{' '}
          <Output text={status.failure.hint} prose />
        </p>
      )}
    </>
  );
}

/** Hosts that cannot be reached because this one cannot. */
function behindOf(name: string, unreachable: NowAnswer['unreachable']): readonly string[] {
  return unreachable.find((each) => each.name === name)?.behind ?? [];
}

function Relations({ host }: { host: HostAnswer }) {
  const behind = behindOf(host.name, now.value?.unreachable ?? []);
  const cause = host.status.behind;
  return (
    <>
      {host.parents.length === 0 ? undefined : (
        <>
          <Fact name="Reached through">
            <HostLinks names={host.parents} />
          </Fact>
        </>
      )}
      {cause === undefined ? undefined : (
        <>
          <Fact name="Cause">
            <a href={link('hosts', cause)}>{cause}</a> cannot be reached
          </Fact>
        </>
      )}
      {behind.length === 0 ? undefined : (
        <>
          <Fact name="Behind it">
            <HostLinks names={behind} />
          </Fact>
        </>
      )}
    </>
  );
}

function HostLinks({ names }: { names: readonly string[] }) {
  return (
    <>
      {names.map((name) => (
        <span key={name}>
          <a href={link('hosts', name)}>{name}</a>{' '}
        </span>
      ))}
    </>
  );
}

function Checks({ checks }: { checks: readonly CheckAnswer[] }) {
  const { items, hold, notice } = useSteady(checks, ({ check }) => check);
  if (items.length === 0) return <p class="dim">Nothing is checked here.</p>;
  return (
    <>
      {notice}
      <ul class="rows" {...hold}>
        {items.map((each) => (
          <CheckRow key={each.check} of={each} />
        ))}
      </ul>
    </>
  );
}

function CheckRow({ of: { host, check, status, stale } }: { of: CheckAnswer }) {
  const { sign, word, tone } = markOf(stale || isStale.value ? 'stale' : status.state);
  const isSoft = status.type === 'soft' && status.state !== 'ok';
  return (
    <Row
      id={check}
      tone={tone}
      sign={sign}
      href={link('incidents', host, check)}
      slim
      commands={[{ key: 'r', label: 'Check now', scope: 'act', run: () => void checkNow(host, check) }]}
      aside={
        <>
          {isSoft ? `soft, ${count(status.attempt, 'try', 'tries')} · ` : ''}
          <Since at={status.since} />
        </>
      }
    >
      <a href={link('incidents', host, check)}>{check}</a> <b class={tone}>{word}</b>{' '}
      <Output text={status.lastResult?.text ?? ''} limit={300} />
      {status.suppressedBy === undefined ? undefined : (
        <span class="dim"> · because of {status.suppressedBy}</span>
      )}
    </Row>
  );
}

function Runs({ runs }: { runs: readonly RunItemAnswer[] }) {
  const { items, hold, notice } = useSteady(runs, ({ id }) => id);
  if (items.length === 0) return <p class="dim">Nothing was done here.</p>;
  return (
    <>
      {notice}
      <ol class="rows" {...hold}>
        {items.map((run) => (
          <RunRow key={run.id} run={run} />
        ))}
      </ol>
    </>
  );
}
