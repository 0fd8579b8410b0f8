/** Now: what needs a person, what heals itself, what was healed, and the fleet, worst first. A quiet page proves that it is alive. */
import type { NowAnswer, SuppressionAnswer } from '../http/wire-types.ts';
import { isStale, now as newest, refresh } from '../live/now-store.ts';
import { useHeld } from '../parts/attention.ts';
import { AutomationNotes } from '../parts/automation.tsx';
import { useAway } from '../parts/away.tsx';
import { openUndelivered } from '../parts/dead-letters.tsx';
import { useShown } from '../parts/dialog.tsx';
import { FleetGrid } from '../parts/fleet-grid.tsx';
import { ApprovalRow, NeedRow } from '../parts/need-rows.tsx';
import { type Line, List, line } from '../parts/now-list.tsx';
import { HealingRow, ProblemRow, UnreachableRow } from '../parts/now-rows.tsx';
import {
  BrakeRow,
  DemotedRow,
  DoubtRow,
  HeldInventoryRow,
  isUndelivered,
  MessagesRow,
  QuarantineRow,
  RegistrationsRow,
} from '../parts/restraint-rows.tsx';
import { SuppressionRows } from '../parts/suppression-rows.tsx';
import { At, Since } from '../parts/time.tsx';
import { openWhy } from '../parts/why.tsx';
import { count, span } from '../parts/words.ts';
import { toneOf } from '../verdict.ts';

/** Who took this trouble on; only what names it alone. */
function takenOn(
  suppressions: readonly SuppressionAnswer[],
  host: string,
  check: string,
): string | undefined {
  const found = suppressions.find(
    (each) => each.kind === 'acknowledgement' && each.host === host && each.check === check,
  );
  return found === undefined ? undefined : `acknowledged by ${found.by}: ${found.reason}`;
}

/** The hardest first. */
function needLines(now: NowAnswer): Line[] {
  const { automation, approvals, needsYou, suppressions, messages, registrations, heldInventories } = now;
  const { quarantine, brakes, doubt, demoted } = automation;
  return [
    ...(quarantine === undefined
      ? []
      : [line('quarantine', <QuarantineRow key="quarantine" quarantine={quarantine} />)]),
    ...approvals.map((asked) => line(asked.id, <ApprovalRow key={asked.id} asked={asked} />)),
    ...(doubt === undefined || doubt.cause === 'fresh_round_pending'
      ? []
      : [line('doubt', <DoubtRow key="doubt" doubt={doubt} />)]),
    ...(isUndelivered(messages)
      ? [line('messages', <MessagesRow key="messages" messages={messages} />)]
      : []),
    ...brakes
      .filter(({ on }) => on)
      .map((brake) => line(`brake ${brake.scope}`, <BrakeRow key={`brake ${brake.scope}`} brake={brake} />)),
    ...needsYou.map((need) => {
      const { host, ladder, check } = need.explanation;
      const key = `${host} ${ladder}`;
      return line(key, <NeedRow key={key} need={need} suppressed={takenOn(suppressions, host, check)} />);
    }),
    ...heldInventories.map((held) =>
      line(`held ${held.name}`, <HeldInventoryRow key={`held ${held.name}`} held={held} />),
    ),
    ...(registrations.waiting === 0
      ? []
      : [line('registrations', <RegistrationsRow key="registrations" {...registrations} />)]),
    ...demoted.map((cap) =>
      line(`demoted ${cap.action}`, <DemotedRow key={`demoted ${cap.action}`} cap={cap} />),
    ),
  ];
}

/** Problems that stand in no other list. */
function problemLines({ worst, needsYou, approvals, healing, suppressions }: NowAnswer): Line[] {
  const told = new Set([
    ...needsYou.map(({ explanation: { host, check } }) => `${host} ${check}`),
    ...[...approvals, ...healing].map(({ host, check }) => `${host} ${check}`),
  ]);
  return worst
    .filter(({ host, check }) => !told.has(`${host} ${check}`))
    .map((check) => {
      const key = `${check.host} ${check.check}`;
      return line(
        key,
        <ProblemRow key={key} check={check} suppressed={takenOn(suppressions, check.host, check.check)} />,
      );
    });
}

/** Lines of what is over; the rest is counted. */
const awayShown = 40;

function headingOf(isQuiet: boolean): string {
  if (!isQuiet) return '▲ Not all clear any more';
  return isStale.value ? '◌ All was clear' : '● All clear';
}

/** That quiet is not blindness. */
function ProofOfLife({
  view,
  isQuiet,
  place,
}: {
  view: NowAnswer;
  isQuiet: boolean;
  place: 'top' | 'below';
}) {
  const { hosts, checks, checksPerMin, lateness, lastResultAt, lastProblemAt, startedAt } = view.alive;
  return (
    <section
      class={place === 'top' ? `all-clear ${isQuiet ? 'edge-ok' : 'edge-warn'}` : 'alive'}
      aria-labelledby="alive-title"
    >
      <h2 id="alive-title" class={place === 'top' && isQuiet && !isStale.value ? 'ok' : ''}>
        {place === 'below' ? 'mendd is watching' : headingOf(isQuiet)}
      </h2>
      <dl class="proof">
        <div>
          <dt>Newest result</dt>
          <dd>
            {lastResultAt === undefined ? (
              'none yet'
            ) : (
              <>
                <Since at={lastResultAt} /> ago
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>Last problem</dt>
          <dd>
            {lastProblemAt === undefined ? (
              'none known'
            ) : (
              <>
                <Since at={lastProblemAt} /> ago, <At at={lastProblemAt} />
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>Checks</dt>
          <dd>
            {count(checks, 'check')} on {count(hosts, 'host')}, {checksPerMin} a minute
          </dd>
        </div>
        <div>
          <dt>On time</dt>
          <dd>
            99 % within {lateness.p99Ms < 1000 ? `${lateness.p99Ms} ms` : span(lateness.p99Ms)}, the latest{' '}
            {lateness.maxMs < 1000 ? `${lateness.maxMs} ms` : span(lateness.maxMs)}
          </dd>
        </div>
        <div>
          <dt>Awake for</dt>
          <dd>
            <Since at={startedAt} />
          </dd>
        </div>
      </dl>
    </section>
  );
}

function AwayRest({ text }: { text: string }) {
  return (
    <>
      {text} <a href="/runs?status=verified">All repairs</a>
    </>
  );
}

function openNamed(show: string): void {
  const [what, name = '', check] = show.split('/');
  if (what === 'undelivered' && (name === 'dead' || name === 'waiting')) openUndelivered(name);
  if (what === 'why' && check !== undefined) openWhy(name, check);
}

export function Screen() {
  useShown(openNamed);
  const view = newest.value;
  return view === undefined ? <p class="dim">Loading…</p> : <Now view={view} />;
}

function Now({ view }: { view: NowAnswer }) {
  const needs = needLines(view);
  const healing = view.healing.map((run) => line(run.id, <HealingRow key={run.id} run={run} />));
  const unreachable = view.unreachable.map((host) =>
    line(host.name, <UnreachableRow key={host.name} host={host} />),
  );
  const problems = problemLines(view);
  const away = useAway(view);
  const isQuiet = toneOf(view) === 'ok';
  // Where it stands is held like the rows; what it says is not.
  const isOnTop = useHeld(isQuiet);
  const notes = useHeld(view.automation);
  const hidden = view.verdict.problems - view.worst.length;
  return (
    <>
      <AutomationNotes automation={notes} />
      {isOnTop ? <ProofOfLife view={view} isQuiet={isQuiet} place="top" /> : undefined}
      <List
        title="Needs you"
        id="needs-title"
        lines={needs}
        total={Math.max(needs.length, view.verdict.needYou)}
      />
      <List
        title="Healing itself"
        id="healing-title"
        lines={healing}
        total={Math.max(healing.length, view.verdict.healing)}
      />
      <List
        title="Cannot be asked"
        id="unreachable-title"
        lines={unreachable}
        total={Math.max(unreachable.length, view.verdict.unreachable)}
      />
      <List
        title="Other problems"
        id="problems-title"
        lines={problems}
        total={problems.length + Math.max(0, hidden)}
      />
      <List
        title="While you were away, the last 24 h"
        id="away-title"
        lines={away.lines.slice(0, awayShown)}
        total={away.lines.length}
        rest={away.rest === undefined ? undefined : <AwayRest text={away.rest} />}
        slim
      />
      <FleetGrid fleet={view.fleet} />
      {view.totals.suppressions === 0 ? undefined : (
        <section aria-labelledby="left-alone-title">
          <h2 id="left-alone-title">
            Held back by people <span class="count">({view.totals.suppressions})</span>
          </h2>
          <SuppressionRows items={view.suppressions} refresh={refresh} />
          {view.totals.suppressions > view.suppressions.length ? (
            <p class="dim">
              and {view.totals.suppressions - view.suppressions.length} more: <a href="/silences">Silences</a>
            </p>
          ) : undefined}
        </section>
      )}
      {isOnTop ? undefined : <ProofOfLife view={view} isQuiet={isQuiet} place="below" />}
    </>
  );
}
