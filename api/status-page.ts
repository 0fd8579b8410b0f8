/**
 * The page for 3 a.m.: one HTML text without script, made from the daemon's `now`. Everything that comes from a host or
 * a person is escaped by construction; it decides nothing and hides nothing that `now` tells.
 */
import type { NowView } from '../core/now-view.ts';
import type { Health } from '../core/views.ts';
import { clockTime, cut, Html, html, rowLimit, section, span, style } from './page-html.ts';
import {
  approvalRow,
  brakeRow,
  demotedRow,
  doubtRow,
  quarantineRow,
  suppressionRow,
} from './page-restraint.ts';
import { checkRow, healedRow, healingRow, needRow, unreachableRow } from './page-rows.ts';

export interface PageFacts {
  health: Health;
  nowMs: number;
  startedAtMs: number;
  version: string;
}

const modeWords: Record<NowView['automation']['mode'], string> = {
  auto: 'automation ON',
  approve: 'automation ASKS before each action',
  propose: 'automation PROPOSES, it never acts',
  observe: 'automation OBSERVES, it never acts',
};

function automationLine({ automation }: NowView, nowMs: number): Html {
  const { mode, paused, fleetRuns } = automation;
  const budget = `${fleetRuns.used}/${fleetRuns.limit} actions in ${span(fleetRuns.perMs)}`;
  if (paused !== undefined) {
    const until = paused.untilMs === undefined ? '' : ` until ${clockTime(paused.untilMs, nowMs)}`;
    return html`<span class="chip warn"><b>❚❚ automation PAUSED</b>${until} by ${paused.by}: ${cut(paused.reason)}</span>
<p class="dim">Go on: <code>mendd resume</code></p>`;
  }
  const released = automation.brakes.flatMap(({ scope, state }) =>
    state?.released === undefined
      ? []
      : html`<span class="chip warn">◻ brake of ${scope} released by ${state.released.by}</span> `,
  );
  // After a start and after each doubt; nobody has to do anything.
  const round =
    automation.doubt?.cause === 'fresh_round_pending'
      ? html`<span class="chip">◌ waits for fresh results before it acts</span>`
      : undefined;
  return html`<span class="chip"><b>${modeWords[mode]}</b> · ${budget}</span> ${round}${released}
<p class="dim">Stop all actions: <code>mendd pause --reason "..."</code></p>`;
}

function alarms(now: NowView, { health, nowMs }: PageFacts): Html[] {
  const found: Html[] = [];
  if (!health.ready) {
    found.push(
      html`<div class="alarm"><b class="bad">✖ mendd itself is not well. What stands below may be old.</b><ul>${health.problems
        .slice(0, rowLimit)
        .map((problem) => html`<li class="bad">${cut(problem)}</li>`)}</ul></div>`,
    );
  }
  return [...found, ...definitionsAlarms(now, nowMs)];
}

function warning(title: string, rows: readonly string[], next: Html | undefined): Html {
  const shown = rows.slice(0, 5).map((row) => html`<li class="warn out">${cut(row)}</li>`);
  return html`<div class="alarm"><b class="warn">▲ ${title}</b><ul>${shown}</ul>${next}</div>`;
}

function definitionsAlarms({ definitions }: NowView, nowMs: number): Html[] {
  const { held, rollback, lastReloadOk, problems } = definitions;
  const found: Html[] = [];
  if (rollback !== undefined) {
    const title = `The definitions were rolled back by ${rollback.by}, ${clockTime(rollback.sinceMs, nowMs)}; no newer ones are taken.`;
    const next = html`<p class="dim">Go on: <code>mendd rollback --resume --reason "..."</code></p>`;
    found.push(warning(title, [rollback.reason], next));
  }
  if (held !== undefined) {
    const next = html`<p class="dim">Look: <code>mendd plan</code>. Let them in: <code>mendd reload --confirm ${held.revision}</code></p>`;
    found.push(
      warning('The newest definitions wait for a person; those before are in force.', held.why, next),
    );
  } else if (!lastReloadOk)
    found.push(
      warning('The newest definitions were refused; those before are in force.', problems, undefined),
    );
  return found;
}

/** What waits for a person, the hardest first; each is drawn only when it is shown. */
function needs({ automation, approvals, needsYou }: NowView, nowMs: number): (() => Html)[] {
  const { quarantine, brakes, doubt, demoted } = automation;
  return [
    ...(quarantine === undefined ? [] : [() => quarantineRow(quarantine, nowMs)]),
    ...approvals.map((asked) => () => approvalRow(asked, nowMs)),
    ...(doubt === undefined || doubt.cause === 'fresh_round_pending' ? [] : [() => doubtRow(doubt, nowMs)]),
    ...brakes.filter(({ on }) => on).map((brake) => () => brakeRow(brake, nowMs)),
    ...needsYou.map((need) => () => needRow(need, nowMs)),
    ...demoted.map((cap) => () => demotedRow(cap, nowMs)),
  ];
}

/** Limits: 50 rows of each list, 300 characters of each text. */
export function renderStatusPage(now: NowView, facts: PageFacts): string {
  const { nowMs, health } = facts;
  const { needYou, healing, problems, sentence } = now.verdict;
  const waiting = needs(now, nowMs);
  const asked = needYou > 0 || now.approvals.length > 0 || now.automation.quarantine !== undefined;
  const troubled = problems > 0 || waiting.length > 0 || now.unreachable.length > 0 || !health.ready;
  const tone = asked ? 'bad' : troubled ? 'warn' : healing > 0 ? 'busy' : 'ok';
  const sign = { bad: '✖', warn: '▲', busy: '↻', ok: '●' }[tone];
  const quiet = waiting.length + now.healing.length + now.worst.length + now.unreachable.length === 0;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${sign} ${sentence} · mendd</title>
<meta http-equiv="refresh" content="5"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><style>${new Html(style)}</style></head>
<body class="${health.ready ? '' : 'blind'}"><header><h1 class="${tone}">${sign} ${sentence}</h1>
<span class="chip">as of ${new Date(now.atMs).toISOString().slice(11, 19)} UTC · anew every 5 s</span>
${automationLine(now, nowMs)}${alarms(now, facts)}</header><main>
${section('Needs you', waiting, (draw) => draw())}
${section('Healing itself', now.healing, (run) => healingRow(run, nowMs))}
${section('While you were away', now.healed, (run) => healedRow(run, nowMs))}
${section('Cannot be asked', now.unreachable, (host) => unreachableRow(host, nowMs))}
${section('Worst checks', now.worst, (view) => checkRow(view, nowMs))}
${section('Held back by people', now.suppressions, (each) => suppressionRow(each, nowMs), 'small')}
${quiet && health.ready && now.verdict.ok > 0 ? html`<p class="ok">● ${now.verdict.ok} checks OK, on time; nothing waits for you.</p>` : undefined}
</main><footer class="dim">mendd ${facts.version} · up ${span(nowMs - facts.startedAtMs)} · definitions ${now.definitions.revision.slice(
    0,
    12,
  )} loaded ${span(nowMs - now.definitions.loadedAtMs)} ago</footer></body></html>
`;
  return page.text;
}
