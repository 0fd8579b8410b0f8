/**
 * The page for 3 a.m.: one HTML text without script, made from the daemon's `now`. Everything that comes from a host or
 * a person is escaped by construction; it decides nothing and hides nothing that `now` tells.
 */
import { createHash } from 'node:crypto';
import { foldRuns, type RepeatedRun } from '../core/repeated-runs.ts';
import type { CheckStatus, Run } from '../core/types.ts';
import type { CheckView, Explanation, Health, HostView, NowView } from '../core/views.ts';

export interface PageFacts {
  health: Health;
  nowMs: number;
  startedAtMs: number;
  version: string;
}

/** Rows shown of each list; what is left out is counted. */
const rowLimit = 50;
const textLimit = 300;

const style = `
:root{color-scheme:light dark;--bg:#fff;--card:#f4f5f7;--fg:#16181d;--dim:#5b6470;--line:#d5d9e0;--bad:#b3152f;--warn:#8a5300;--busy:#1450b4;--ok:#15692b}
@media(prefers-color-scheme:dark){:root{--bg:#0e1116;--card:#181b22;--fg:#eceff4;--dim:#9aa4b2;--line:#2b303a;--bad:#ff7b93;--warn:#ffb74d;--busy:#82b1ff;--ok:#7ddb95}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
header,main,footer{max-width:72rem;margin:0 auto;padding:.75rem 1rem}
h1{font-size:1.3rem;margin:.25rem 0}
h2{font-size:.8rem;letter-spacing:.06em;text-transform:uppercase;color:var(--dim);margin:1.5rem 0 .5rem}
p{margin:.25rem 0}
ul{list-style:none;margin:0;padding:0}
li{background:var(--card);border-left:5px solid var(--line);border-radius:6px;padding:.5rem .75rem;margin:.4rem 0}
code,.out{font-family:ui-monospace,monospace;font-size:.85rem}
.out{white-space:pre-wrap}
.dim{color:var(--dim)}
.chip{display:inline-block;border:1px solid var(--line);border-radius:1rem;padding:.1rem .7rem;margin:.15rem .25rem .15rem 0}
.step{display:inline-block;border:1px solid var(--line);border-radius:4px;padding:0 .4rem;margin:.1rem .2rem .1rem 0;font-size:.85rem}
.bad{color:var(--bad)}.warn{color:var(--warn)}.busy{color:var(--busy)}.ok{color:var(--ok)}
li.bad,li.warn,li.busy,li.ok{color:inherit;border-left-color:currentColor}
li.bad{border-left-color:var(--bad)}li.warn{border-left-color:var(--warn)}li.busy{border-left-style:dashed;border-left-color:var(--busy)}li.ok{border-left-color:var(--ok)}
.alarm{border:2px solid var(--bad);border-radius:6px;padding:.5rem .75rem;margin:.5rem 0}
.blind .ok{color:inherit}.blind li.ok{border-left-color:var(--line)}
`;

/** Content-Security-Policy of the page: its one style by hash, and nothing else. */
export const pagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Html | readonly Html[] | undefined;

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

// Control characters and bidirectional overrides let hostile text look like something else.
const treacherous = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

function escapeText(text: string): string {
  return text
    .replaceAll(treacherous, (character) => ('\n\t'.includes(character) ? character : '\ufffd'))
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}

function render(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map((item) => item.text).join('');
  return escapeText(String(part));
}

/** Markup whose inserted values are escaped, unless they are markup of this function themselves. */
function html(markup: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(
    markup.map((text, index) => (index === 0 ? text : render(parts[index - 1]) + text)).join(''),
  );
}

function cut(text: string): string {
  return text.length > textLimit ? `${text.slice(0, textLimit)}…` : text;
}

/** `150000` -> `2 min`. The two largest units are enough to judge by. */
export function span(ms: number): string {
  const sec = Math.max(0, Math.round(ms / 1000));
  if (sec < 60) return `${sec} s`;
  const min = Math.floor(sec / 60);
  if (min < 60) return `${min} min`;
  const hours = Math.floor(min / 60);
  if (hours < 24) return min % 60 === 0 ? `${hours} h` : `${hours} h ${min % 60} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Hours and minutes; with the day when it is not today's. */
function clockTime(ms: number, nowMs: number): string {
  const text = new Date(ms).toISOString();
  const sameDay = text.slice(0, 10) === new Date(nowMs).toISOString().slice(0, 10);
  return sameDay ? text.slice(11, 16) : `${text.slice(5, 10)} ${text.slice(11, 16)}`;
}

const marks: Record<CheckStatus['state'], { word: string; sign: string; tone: string }> = {
  critical: { word: 'CRITICAL', sign: '✖', tone: 'bad' },
  warning: { word: 'WARNING', sign: '▲', tone: 'warn' },
  unknown: { word: 'UNKNOWN', sign: '?', tone: 'warn' },
  pending: { word: 'PENDING', sign: '◌', tone: '' },
  ok: { word: 'OK', sign: '●', tone: 'ok' },
};

function section<T>(title: string, items: readonly T[], row: (item: T) => Html): Html | undefined {
  if (items.length === 0) return undefined;
  const rest = items.length - rowLimit;
  return html`<section><h2>${title} (${items.length})</h2><ul>${items.slice(0, rowLimit).map(row)}</ul>${
    rest > 0 ? html`<p class="dim">and ${rest} more</p>` : undefined
  }</section>`;
}

function runStep({ run, times }: RepeatedRun<Run>, nowMs: number): Html {
  const failed = ['failed', 'not_verified', 'refused', 'expired', 'unknown'].includes(run.status);
  const exit = run.exitCode === undefined ? '' : ` exit ${run.exitCode}`;
  const often = times > 1 ? ` ×${times}` : '';
  return html`<span class="step ${failed ? 'bad' : ''}">${clockTime(run.decidedAtMs, nowMs)} ${run.action} ${
    failed ? '✗' : '·'
  } ${run.status.replaceAll('_', ' ')}${exit}${often}</span> `;
}

function whatNext(explanation: Explanation, nowMs: number): string {
  const shut = explanation.gates.find((gate) => !gate.passed);
  const next = explanation.rungs.find((rung) => rung.status === 'next' || rung.status === 'running');
  const earliest =
    explanation.earliestMs === undefined ? '' : `; earliest ${clockTime(explanation.earliestMs, nowMs)}`;
  const opens = shut?.opens === undefined ? '' : ` (opens: ${shut.opens.replaceAll('`', '')})`;
  const cause = `${explanation.reason.replaceAll('_', ' ')}${opens}`;
  const step = next === undefined ? 'nothing more will be tried' : `next: ${next.action}`;
  return `${explanation.verdict.replaceAll('_', ' ')}: ${cause} · ${step}${earliest}`;
}

function needRow(need: NowView['needsYou'][number], nowMs: number): Html {
  const { explanation, status, runs } = need;
  const mark = marks[status.state];
  const since = status.problemSinceMs ?? status.sinceMs;
  const oldestFirst = runs.toSorted((a, b) => a.decidedAtMs - b.decidedAtMs);
  const tried = foldRuns(oldestFirst).slice(-10);
  const outcome = oldestFirst.at(-1)?.outcome;
  return html`<li class="bad"><b><span class="${mark.tone}">${mark.sign} ${mark.word}</span> ${explanation.host} › ${
    explanation.check
  }</b> <span class="dim">for ${span(nowMs - since)}, since ${clockTime(since, nowMs)}</span>
<p class="out">${cut(status.lastResult?.text ?? '')}</p><p>${tried.map((step) => runStep(step, nowMs))}</p>${
    outcome === undefined ? undefined : html`<p class="dim">${cut(outcome)}</p>`
  }
<p><b>${cut(whatNext(explanation, nowMs))}</b></p>
<p class="dim">Why: <code>mendd explain ${explanation.host}/${explanation.check}</code></p></li>`;
}

function healingRow(run: Run, nowMs: number): Html {
  const by = run.verifyByMs === undefined ? '' : `, must be OK by ${clockTime(run.verifyByMs, nowMs)}`;
  return html`<li class="busy"><span class="busy">↻</span> <b>${run.host} › ${run.action}</b> ${run.status}${by}
<span class="dim">for ${span(nowMs - run.decidedAtMs)}</span><p class="dim">${cut(run.reason)}</p></li>`;
}

function healedRow(run: Run, nowMs: number): Html {
  const ended = run.endedAtMs ?? run.decidedAtMs;
  const problemSince = Number.parseInt(run.episode, 36);
  const down = problemSince > 0 && problemSince <= ended ? `, down ${span(ended - problemSince)}` : '';
  return html`<li class="ok">${clockTime(ended, nowMs)} <span class="ok">✓</span> ${run.host} › ${run.action} fixed it in ${span(
    ended - run.decidedAtMs,
  )}<span class="dim">${down}</span></li>`;
}

function checkRow(view: CheckView, nowMs: number): Html {
  const mark = marks[view.status.state];
  const stale = view.stale ? html` <b class="warn">STALE, the last known state</b>` : undefined;
  const tone = view.stale ? 'warn' : mark.tone;
  return html`<li class="${tone}"><b><span class="${tone}">${mark.sign} ${mark.word}</span> ${view.host} › ${
    view.check
  }</b>${stale} <span class="dim">for ${span(nowMs - view.status.sinceMs)}</span>
<p class="out">${cut(view.status.lastResult?.text ?? '')}</p></li>`;
}

function unreachableRow(host: HostView, nowMs: number): Html {
  const { failure, sinceMs } = host.status;
  return html`<li class="warn"><b><span class="warn">⌁ UNREACHABLE</span> ${host.name}</b> <span class="dim">${
    failure?.stage ?? ''
  } for ${span(nowMs - sinceMs)}; its checks keep their last state, no action runs</span>
<p class="out">${cut(failure?.message ?? '')}</p><p class="dim">${cut(failure?.hint ?? '')}</p></li>`;
}

function automationLine({ automation }: NowView, nowMs: number): Html {
  const { mode, paused, fleetRuns } = automation;
  const budget = `${fleetRuns.used}/${fleetRuns.limit} actions in ${span(fleetRuns.perMs)}`;
  if (paused !== undefined) {
    const until = paused.untilMs === undefined ? '' : ` until ${clockTime(paused.untilMs, nowMs)}`;
    return html`<span class="chip warn"><b>❚❚ automation PAUSED</b>${until} by ${paused.by}: ${cut(paused.reason)}</span>
<p class="dim">Go on: <code>mendd resume</code></p>`;
  }
  const state = mode === 'auto' ? 'automation ON' : 'automation OBSERVES, it never acts';
  return html`<span class="chip"><b>${state}</b> · ${budget}</span>
<p class="dim">Stop all actions: <code>mendd pause --reason "..."</code></p>`;
}

function alarms(now: NowView, { health }: PageFacts): Html[] {
  const found: Html[] = [];
  if (!health.ready) {
    found.push(
      html`<div class="alarm"><b class="bad">✖ mendd itself is not well. What stands below may be old.</b><ul>${health.problems
        .slice(0, rowLimit)
        .map((problem) => html`<li class="bad">${cut(problem)}</li>`)}</ul></div>`,
    );
  }
  if (!now.definitions.lastReloadOk) {
    found.push(
      html`<div class="alarm"><b class="warn">▲ The newest definitions were refused; those before are in force.</b><ul>${now.definitions.problems
        .slice(0, 5)
        .map((problem) => html`<li class="warn out">${cut(problem)}</li>`)}</ul></div>`,
    );
  }
  return found;
}

/** Limits: 50 rows of each list, 300 characters of each text. */
export function renderStatusPage(now: NowView, facts: PageFacts): string {
  const { nowMs, health } = facts;
  const { needYou, healing, problems, sentence } = now.verdict;
  const troubled = problems > 0 || now.unreachable.length > 0 || !health.ready;
  const tone = needYou > 0 ? 'bad' : troubled ? 'warn' : healing > 0 ? 'busy' : 'ok';
  const sign = { bad: '✖', warn: '▲', busy: '↻', ok: '●' }[tone];
  const quiet = now.needsYou.length + now.healing.length + now.worst.length + now.unreachable.length === 0;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${sign} ${sentence} · mendd</title>
<meta http-equiv="refresh" content="5"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><style>${new Html(style)}</style></head>
<body class="${health.ready ? '' : 'blind'}"><header><h1 class="${tone}">${sign} ${sentence}</h1>
<span class="chip">as of ${new Date(now.atMs).toISOString().slice(11, 19)} UTC · anew every 5 s</span>
${automationLine(now, nowMs)}${alarms(now, facts)}</header><main>
${section('Needs you', now.needsYou, (need) => needRow(need, nowMs))}
${section('Healing itself', now.healing, (run) => healingRow(run, nowMs))}
${section('While you were away', now.healed, (run) => healedRow(run, nowMs))}
${section('Cannot be asked', now.unreachable, (host) => unreachableRow(host, nowMs))}
${section('Worst checks', now.worst, (view) => checkRow(view, nowMs))}
${quiet && health.ready && now.verdict.ok > 0 ? html`<p class="ok">● ${now.verdict.ok} checks OK, on time; nothing waits for you.</p>` : undefined}
</main><footer class="dim">mendd ${facts.version} · up ${span(nowMs - facts.startedAtMs)} · definitions ${now.definitions.revision.slice(
    0,
    12,
  )} loaded ${span(nowMs - now.definitions.loadedAtMs)} ago</footer></body></html>
`;
  return page.text;
}
