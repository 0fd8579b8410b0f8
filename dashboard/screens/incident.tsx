/** One check of one host: how it stands, what comes next and when, its figures, and its whole story. */
import { apiPath } from '../http/client.ts';
import type {
  CheckAnswer,
  DecisionAnswer,
  ExplainedAnswer,
  HostAnswer,
  MessageAnswer,
  PageOf,
  RunItemAnswer,
  TransitionAnswer,
} from '../http/wire-types.ts';
import { isStale } from '../live/now-store.ts';
import { useResource } from '../live/resource.ts';
import { StateBadge } from '../parts/badge.tsx';
import { Explained, explainPath, hostCheck } from '../parts/explained.tsx';
import { GraphPanel } from '../parts/graph-panel.tsx';
import { IncidentActs } from '../parts/incident-acts.tsx';
import { Story } from '../parts/incident-story.tsx';
import { storyOf } from '../parts/moments.ts';
import { Output } from '../parts/output.tsx';
import { Pager } from '../parts/pager.tsx';
import { Reading } from '../parts/reading.tsx';
import { Covering } from '../parts/suppression-rows.tsx';
import { At, Since, Until } from '../parts/time.tsx';
import { ToldNow } from '../parts/told-now.tsx';
import { filters, hrefWith, link } from '../route.ts';
import type { ScreenProps } from '../screens.ts';

/** Of each list that is put together to one page of the story. */
const storyLimit = '200';

interface Place {
  host: string;
  check: string;
}

export function Screen({ names: [host = '', check = hostCheck] }: ScreenProps) {
  const place = { host, check };
  return (
    <article key={`${host} ${check}`}>
      <p class="crumbs">
        <a href="/">Now</a> › <a href={link('hosts', host)}>{host}</a>
      </p>
      {check === hostCheck ? <HostHead host={host} /> : <CheckHead {...place} />}
      <Covering host={host} check={check} />
      <Next {...place} />
      {check === hostCheck ? undefined : <GraphPanel {...place} />}
      <section aria-labelledby="story-title">
        <h2 id="story-title">What happened</h2>
        <ToldNow {...place} />
        <WholeStory {...place} />
      </section>
    </article>
  );
}

function HostHead({ host }: { host: string }) {
  const found = useResource<HostAnswer>(apiPath`/api/v1/hosts/${host}`, (event) => event.host === host);
  return (
    <Reading of={found} title={host}>
      {({ status }) => (
        <>
          <header class="title">
            <h1>{host}</h1>
            <StateBadge state={status.state} stale={isStale.value} />
            <span class="dim">
              for <Since at={status.since} />
            </span>
          </header>
          <IncidentActs host={host} check={hostCheck} isProblem={status.state === 'unreachable'} />
          {status.failure === undefined ? undefined : <Output text={status.failure.message} block />}
        </>
      )}
    </Reading>
  );
}

function CheckHead({ host, check }: Place) {
  const found = useResource<CheckAnswer>(
    apiPath`/api/v1/checks/${host}/${check}`,
    (event) => event.host === host,
  );
  return (
    <Reading of={found} title={`${host} › ${check}`}>
      {(value) => <Standing check={value} />}
    </Reading>
  );
}

function Standing({
  check: { host, check, kind, status, stale, nextDueAt, maxAttempts },
}: {
  check: CheckAnswer;
}) {
  const { lastResult: result } = status;
  return (
    <>
      <header class="title">
        <h1>
          {host} › {check}
        </h1>
        <StateBadge state={status.state} stale={stale || isStale.value} />
        <span class="dim">
          for <Since at={status.since} />
          {status.state === 'ok' ? '' : ` · ${status.type}, ${status.attempt} of ${maxAttempts}`}
          {status.flap.flapping ? ` · flapping (${status.flap.percent.toFixed(0)} %)` : ''}
        </span>
      </header>
      {status.suppressedBy === undefined ? undefined : (
        <p class="note edge-warn">
          ▲ Probably because of{' '}
          <a href={link('incidents', host, status.suppressedBy)}>{status.suppressedBy}</a>.
        </p>
      )}
      <IncidentActs
        host={host}
        check={check}
        isProblem={status.state !== 'ok' && status.state !== 'pending'}
      />
      {result === undefined ? (
        <p class="dim">No result yet.</p>
      ) : (
        <>
          <Output text={result.text} block />
          {result.longText === '' ? undefined : (
            <details class="more">
              <summary>The rest of its output</summary>
              <Output text={result.longText} block limit={20_000} />
            </details>
          )}
        </>
      )}
      <p class="dim">
        {kind}
        {result === undefined ? undefined : (
          <>
            {' '}
            · asked <Since at={result.startedAt} /> ago, took {result.durationMs} ms
            {result.exitCode === undefined ? '' : `, exit ${result.exitCode}`}
          </>
        )}
        {nextDueAt === undefined ? undefined : (
          <>
            {' '}
            · again <Until at={nextDueAt} />
          </>
        )}
      </p>
    </>
  );
}

function Next({ host, check }: Place) {
  const at = filters.value.get('at') ?? undefined;
  return (
    <section aria-labelledby="next-title">
      <h2 id="next-title">{at === undefined ? 'What comes next' : 'Why then'}</h2>
      {at === undefined ? undefined : (
        <p>
          At <At at={at} />. <a href={hrefWith('at', undefined)}>Back to now</a>
        </p>
      )}
      <Explained host={host} check={check} {...(at === undefined ? {} : { at })} />
    </section>
  );
}

function WholeStory({ host, check }: Place) {
  const isOurs = (event: { host?: string }): boolean => event.host === host;
  const until = filters.value.get('until');
  const ofHost = new URLSearchParams({ host, limit: storyLimit, ...(until === null ? {} : { until }) });
  const ofCheck = new URLSearchParams([...ofHost, ['check', check]]);
  const changes = useResource<PageOf<TransitionAnswer>>(
    `/api/v1/transitions?${check === hostCheck ? ofHost : ofCheck}`,
    isOurs,
  );
  const decisions = useResource<PageOf<DecisionAnswer>>(`/api/v1/decisions?${ofCheck}`, isOurs);
  const runs = useResource<PageOf<RunItemAnswer>>(`/api/v1/runs?${ofHost}`, isOurs);
  const messages = useResource<PageOf<MessageAnswer>>(`/api/v1/messages?${ofHost}`, ({ type }) =>
    type.startsWith('message.'),
  );
  // Runs and messages name their ladder only.
  const explained = useResource<ExplainedAnswer>(
    explainPath({ host, check }),
    ({ type }) => type === 'definitions.reloaded',
  );
  const ladders = explained.data.value?.explanations.flatMap((each) =>
    each.check === check ? [each.ladder] : [],
  );
  return (
    <Reading of={changes}>
      {(changed) => (
        <Reading of={decisions}>
          {(decided) => (
            <Reading of={runs}>
              {(done) => (
                <Reading of={messages}>
                  {(told) => (
                    <StoryPage
                      {...storyOf({
                        check,
                        ladders: ladders ?? [],
                        changes: changed,
                        decisions: decided,
                        runs: done,
                        messages: told,
                      })}
                    />
                  )}
                </Reading>
              )}
            </Reading>
          )}
        </Reading>
      )}
    </Reading>
  );
}

function StoryPage({ moments, older }: ReturnType<typeof storyOf>) {
  return (
    <>
      <Story moments={moments} hasOlder={older !== undefined} />
      <Pager older={older} part="story-title" />
    </>
  );
}
