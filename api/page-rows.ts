/**
 * The rows of the status page about checks, hosts and runs. See api/page-html.ts for how they are made safe.
 */

import type { NowView } from '../core/now-view.ts';
import { foldRuns, type RepeatedRun } from '../core/repeated-runs.ts';
import type { CheckStatus, Run } from '../core/types.ts';
import type { CheckView, Explanation } from '../core/views.ts';
import { clockTime, cut, type Html, html, span } from './page-html.ts';

const marks: Record<CheckStatus['state'], { word: string; sign: string; tone: string }> = {
  critical: { word: 'CRITICAL', sign: '✖', tone: 'bad' },
  warning: { word: 'WARNING', sign: '▲', tone: 'warn' },
  unknown: { word: 'UNKNOWN', sign: '?', tone: 'warn' },
  pending: { word: 'PENDING', sign: '◌', tone: '' },
  ok: { word: 'OK', sign: '●', tone: 'ok' },
};

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

export function needRow(need: NowView['needsYou'][number], nowMs: number): Html {
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

export function healingRow(run: Run, nowMs: number): Html {
  const by = run.verifyByMs === undefined ? '' : `, must be OK by ${clockTime(run.verifyByMs, nowMs)}`;
  return html`<li class="busy"><span class="busy">↻</span> <b>${run.host} › ${run.action}</b> ${run.status}${by}
<span class="dim">for ${span(nowMs - run.decidedAtMs)}</span><p class="dim">${cut(run.reason)}</p></li>`;
}

export function healedRow(run: Run, nowMs: number): Html {
  const ended = run.endedAtMs ?? run.decidedAtMs;
  const problemSince = Number.parseInt(run.episode, 36);
  const down = problemSince > 0 && problemSince <= ended ? `, down ${span(ended - problemSince)}` : '';
  return html`<li class="ok">${clockTime(ended, nowMs)} <span class="ok">✓</span> ${run.host} › ${run.action} fixed it in ${span(
    ended - run.decidedAtMs,
  )}<span class="dim">${down}</span></li>`;
}

export function checkRow(view: CheckView, nowMs: number): Html {
  const mark = marks[view.status.state];
  const stale = view.stale ? html` <b class="warn">STALE, the last known state</b>` : undefined;
  const tone = view.stale ? 'warn' : mark.tone;
  return html`<li class="${tone}"><b><span class="${tone}">${mark.sign} ${mark.word}</span> ${view.host} › ${
    view.check
  }</b>${stale} <span class="dim">for ${span(nowMs - view.status.sinceMs)}</span>
<p class="out">${cut(view.status.lastResult?.text ?? '')}</p></li>`;
}

/** Names of those behind it are enough: their trouble is the same. */
const behindShown = 10;

export function unreachableRow(host: NowView['unreachable'][number], nowMs: number): Html {
  const { failure, sinceMs } = host.status;
  const { behind } = host;
  const names = behind.slice(0, behindShown).join(', ');
  const rest = behind.length > behindShown ? ` and ${behind.length - behindShown} more` : '';
  return html`<li class="warn"><b><span class="warn">⌁ UNREACHABLE</span> ${host.name}</b> <span class="dim">${
    failure?.stage ?? ''
  } for ${span(nowMs - sinceMs)}; its checks keep their last state, no action runs</span>
<p class="out">${cut(failure?.message ?? '')}</p><p class="dim">${cut(failure?.hint ?? '')}</p>${
    behind.length === 0 ? undefined : html`<p>${behind.length} behind it: ${names}${rest}</p>`
  }</li>`;
}
