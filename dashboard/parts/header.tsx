/** The head of the page: the verdict, how fresh it is, the automation switch and the ways to other views. */
import { may, session, signOut } from '../http/session.ts';
import { freshness, now } from '../live/now-store.ts';
import { segments } from '../route.ts';
import { screens } from '../screens.ts';
import { sentenceOf, signOf, verdictOf } from '../verdict.ts';
import { AutomationButton, AutomationChip } from './automation.tsx';
import { openHelp } from './help.tsx';
import { notify } from './notices.tsx';
import { problemWords } from './problem.tsx';
import { openSearch } from './search.tsx';
import { span } from './words.ts';

function Verdict() {
  const verdict = verdictOf(now.value, freshness.value);
  // On Now it is the heading of the page; elsewhere the way back to it.
  const isHere = segments.value.length === 0;
  const words =
    verdict === undefined ? (
      'mendd'
    ) : (
      <>
        <span class="unseen">
          {signOf(verdict.tone)} {freshness.value.kind === 'stale' ? 'Stale, it was: ' : ''}
          {sentenceOf(verdict)}
        </span>
        <span aria-hidden="true">
          {freshness.value.kind === 'stale' ? <span class="calm">◌ was: </span> : undefined}
          {verdict.parts.map(({ sign, text, tone }, index) => (
            <span key={sign}>
              {index === 0 ? undefined : <span class="dim"> · </span>}
              <span class={`part ${tone}`}>
                {sign} {text}
              </span>
            </span>
          ))}
        </span>
      </>
    );
  return isHere ? (
    <h1 class="verdict">{words}</h1>
  ) : (
    <p class="verdict">
      <a href="/">{words}</a>
    </p>
  );
}

function FreshnessChip() {
  const state = freshness.value;
  if (state.kind === 'loading') return <span class="chip">◌ asking</span>;
  if (state.kind === 'live')
    return (
      <span class="chip">
        <span class="pulse" aria-hidden="true" /> live · {span(state.ageMs)} ago
      </span>
    );
  return (
    <span class="chip edge-bad">
      <b>◌ STALE</b> · {span(state.ageMs)} old
    </span>
  );
}

async function leave(): Promise<void> {
  const answer = await signOut();
  if (!answer.ok) notify(problemWords(answer.problem), 'warn');
}

export function Person() {
  const who = session.value;
  if (who === undefined || !who.signedIn) return null;
  return (
    <span class="person">
      {who.name ?? 'signed in'}{' '}
      <span class="dim">({may('admin') ? 'admin' : may('act') ? 'act' : may('ack') ? 'ack' : 'read'})</span>{' '}
      <button type="button" class="quiet" onClick={() => void leave()}>
        Sign out
      </button>
    </span>
  );
}

function Views() {
  const here = segments.value[0] ?? '';
  const waiting = now.value?.approvals.length ?? 0;
  return (
    <nav aria-label="Views">
      {Object.entries(screens).map(([name, { title }]) =>
        title === undefined ? undefined : (
          <a key={name} href={`/${name}`} aria-current={name === here ? 'page' : undefined}>
            {title}
            {name === 'approvals' && waiting > 0 ? <span class="badge">{waiting}</span> : undefined}
          </a>
        ),
      )}
    </nav>
  );
}

export function Header() {
  return (
    <header class="head">
      <div class="head-row first">
        <Verdict />
        <FreshnessChip />
      </div>
      <div class="head-row">
        <Views />
        <div class="tools">
          <AutomationChip />
          <AutomationButton />
          {session.value?.signedIn === false ? (
            <a class="button" href="/sign-in">
              Sign in
            </a>
          ) : undefined}
          <button type="button" onClick={openSearch}>
            Search <kbd aria-hidden="true">/</kbd>
          </button>
          <button type="button" aria-label="Help" onClick={openHelp}>
            ?
          </button>
        </div>
      </div>
    </header>
  );
}
