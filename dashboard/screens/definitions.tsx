/** What is in force: from where, since when, what is wrong with the newest, what a reload would change, and going back. */
import { useEffect } from 'preact/hooks';
import { send } from '../http/client.ts';
import { may } from '../http/session.ts';
import type { ConfigAnswer } from '../http/wire-types.ts';
import { now } from '../live/now-store.ts';
import { useResource } from '../live/resource.ts';
import { Act, openDialog, useShown } from '../parts/dialog.tsx';
import { Fact } from '../parts/fact.tsx';
import { Output } from '../parts/output.tsx';
import { openPlan } from '../parts/plan.tsx';
import { Reading } from '../parts/reading.tsx';
import { Row } from '../parts/row.tsx';
import { At, Since } from '../parts/time.tsx';

export function Screen() {
  const config = useResource<ConfigAnswer>('/api/v1/config', (event) =>
    event.type.startsWith('definitions.'),
  );
  const { revision, commit, held, rollback } = now.value?.definitions ?? {};
  // The event of a change comes before all of it is done; what is asked after the answer knows all.
  useEffect(config.refresh, [revision, commit, held?.revision, rollback?.since]);
  return (
    <section>
      <Reading of={config} title="Definitions">
        {(value) => <Shown config={value} refresh={config.refresh} />}
      </Reading>
    </section>
  );
}

interface ShownProps {
  config: ConfigAnswer;
  refresh: () => void;
}

function Shown({ config, refresh }: ShownProps) {
  const showPlan = (): void => openPlan(config.revision);
  useShown((show) => {
    if (show === 'plan') showPlan();
  });
  return (
    <>
      <header class="title">
        <h1>Definitions</h1>
        <span class={`state ${config.lastReloadOk ? 'ok' : 'bad'}`}>
          {config.lastReloadOk ? '● the newest are in force' : '✖ the newest are not in force'}
        </span>
        {may('admin') ? (
          <>
            <button type="button" onClick={showPlan}>
              What would a reload change?
            </button>
            <button type="button" onClick={() => askReload(refresh)}>
              Reload…
            </button>
          </>
        ) : undefined}
      </header>
      <Problems problems={config.problems} />
      <dl class="facts">
        <Fact name="In force">
          <code>{config.revision}</code>, loaded <Since at={config.loadedAt} /> ago
        </Fact>
        {config.held === undefined ? undefined : <Held held={config.held} />}
        <Source source={config.source} />
      </dl>
      <Commits config={config} refresh={refresh} />
    </>
  );
}

function Problems({ problems }: { problems: readonly string[] }) {
  if (problems.length === 0) return null;
  return (
    <section class="note edge-bad" aria-labelledby="problems-title">
      <h2 id="problems-title">Why the newest are not in force</h2>
      <ul class="problems">
        {problems.map((text) => (
          <li key={text}>
            <Output text={text} block />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What to do about it is said above every view. */
function Held({ held }: { held: NonNullable<ConfigAnswer['held']> }) {
  return (
    <Fact name="Waits for a person">
      <code>{held.revision}</code>
      {held.commit === undefined ? undefined : (
        <>
          , commit <code>{held.commit.slice(0, 12)}</code>
        </>
      )}
    </Fact>
  );
}

function Source({ source }: { source: ConfigAnswer['source'] }) {
  if (source.kind === 'directory')
    return (
      <>
        <Fact name="Directory">
          <code>{source.path}</code>
        </Fact>
      </>
    );
  const { commit, head, lookedAt } = source;
  return (
    <>
      <Fact name="Repository">
        <Output text={source.url} /> · branch <Output text={source.branch} />
        {source.path === '' ? undefined : (
          <>
            {' '}
            · path <Output text={source.path} />
          </>
        )}
      </Fact>
      {commit === undefined ? undefined : (
        <>
          <Fact name="Commit">
            <Commit commit={commit} />
          </Fact>
        </>
      )}
      <Fact name="Branch is at">
        {head === undefined ? 'not known yet' : <code>{head.slice(0, 12)}</code>}
        {lookedAt === undefined ? undefined : (
          <>
            , looked at <Since at={lookedAt} /> ago
          </>
        )}
      </Fact>
    </>
  );
}

type CommitAnswer = ConfigAnswer['commits'][number];

function Commit({ commit }: { commit: CommitAnswer }) {
  return (
    <>
      <code>{commit.id.slice(0, 12)}</code> <Output text={commit.subject} limit={200} />{' '}
      <span class="dim">
        <Output text={commit.author} limit={100} />, <At at={commit.committedAt} />
      </span>
    </>
  );
}

function Commits({ config, refresh }: ShownProps) {
  const { source, commits } = config;
  if (source.kind !== 'git') return null;
  return (
    <section aria-labelledby="commits-title">
      <h2 id="commits-title">Were in force</h2>
      <ul class="rows">
        {commits.map((commit) => (
          <CommitRow
            key={commit.id}
            commit={commit}
            isInForce={commit.id === source.commit?.id}
            refresh={refresh}
          />
        ))}
      </ul>
    </section>
  );
}

interface CommitRowProps {
  commit: CommitAnswer;
  isInForce: boolean;
  refresh: () => void;
}

function CommitRow({ commit, isInForce, refresh }: CommitRowProps) {
  const back = { label: 'Go back to it…', scope: 'admin' as const, run: () => askRollback(commit, refresh) };
  return (
    <Row
      id={commit.id}
      tone={isInForce ? 'ok' : 'calm'}
      sign={isInForce ? '●' : '·'}
      slim
      commands={isInForce ? [] : [back]}
      aside={isInForce ? 'in force' : undefined}
    >
      <Commit commit={commit} />
    </Row>
  );
}

async function sendAnd(refresh: () => void, path: string, body: object) {
  const answer = await send<{ revision: string }>('POST', path, body, { withinMs: 120_000 });
  refresh();
  return answer;
}

function askReload(refresh: () => void): void {
  openDialog('Reload the definitions', () => (
    <Act<{ revision: string }>
      reason="none"
      confirm="Reload"
      run={() => sendAnd(refresh, '/api/v1/reload', {})}
      done={({ revision }) => `Revision ${revision} is in force.`}
    >
      <p>They are read anew. When something is wrong with them, nothing changes.</p>
    </Act>
  ));
}

function askRollback(commit: CommitAnswer, refresh: () => void): void {
  openDialog('Go back to an earlier commit', () => (
    <Act<{ revision: string }>
      reason="needed"
      confirm="Go back"
      danger
      typeWord={commit.id.slice(0, 7)}
      run={({ reason }) => sendAnd(refresh, '/api/v1/rollback', { reason, commit: commit.id })}
      done="The earlier definitions are in force; new commits are not taken."
    >
      <p>
        <Commit commit={commit} />
      </p>
    </Act>
  ));
}
