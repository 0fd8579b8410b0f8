/**
 * The rows of the status page about what holds actions back: questions to a person, brakes, doubt, lost trust, suppressions. Each
 * ends with the command line that answers it. See api/page-html.ts for how they are made safe.
 */
import type { GateVerdict } from '../core/decisions.ts';
import { formatDuration } from '../core/duration.ts';
import type { Approval, Doubt, Matcher, Quarantine, Suppression, TrustCap } from '../core/safety.ts';
import { quoteShell } from '../core/shell-quote.ts';
import type { BrakeView } from '../core/views.ts';
import { clockTime, cut, type Html, html, span } from './page-html.ts';

/** A person must see all of what they say yes to; longer ones are read elsewhere. */
const commandLimit = 4_000;

/** What tells how far an action could reach. */
const reachGates: readonly GateVerdict['gate'][] = [
  'group_lock',
  'quorum',
  'brake',
  'host_budget',
  'fleet_budget',
];

/** One word of a command line to copy. */
function word(text: string): string {
  return quoteShell(text.replaceAll('\0', ''));
}

/** `healthyWithoutIt: 11` -> `healthy without it 11` */
function figure([name, value]: [string, string | number | boolean | null]): string {
  const words = name.replace(/Ms$/, '').replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words} ${typeof value === 'number' && name.endsWith('Ms') ? span(value) : (value ?? 'none')}`;
}

function figures(values: GateVerdict['values']): string {
  return Object.entries(values).map(figure).join(', ');
}

export function approvalRow(asked: Approval, nowMs: number): Html {
  const reach = asked.gates
    .filter(({ gate, values }) => reachGates.includes(gate) && Object.keys(values).length > 0)
    .map(({ gate, values }) => `${gate.replaceAll('_', ' ')}: ${figures(values)}`);
  const id = word(asked.id);
  const isWhole = asked.command.length <= commandLimit;
  return html`<li class="bad"><b><span class="bad">? MAY THIS RUN</span> ${asked.host} › ${asked.action}</b> <span class="dim">for ${
    asked.check
  }, asked ${span(nowMs - asked.createdAtMs)} ago; waits until ${clockTime(asked.expiresAtMs, nowMs)}, then it is not done</span>
<p class="out"><b>$ ${cut(asked.command, commandLimit)}</b></p>${
    isWhole
      ? undefined
      : html`<p class="warn">The command goes on; read all of it first: <code>mendd approvals ${id}</code></p>`
  }<p>${cut(asked.reason)}</p>${reach.length === 0 ? undefined : html`<p class="dim">${cut(reach.join(' · '))}</p>`}
<p>Yes: <code>mendd approve ${id}</code> · No: <code>mendd reject ${id} --reason "..."</code></p></li>`;
}

export function brakeRow(
  { scope, unhealthy, hosts, allowed, state, releasesAtMs }: BrakeView,
  nowMs: number,
): Html {
  const cause = state?.cause === 'budget_spent' ? 'a budget is spent' : 'mass failure';
  const began =
    state === undefined
      ? ''
      : ` for ${span(nowMs - state.sinceMs)}; it came on at ${state.unhealthy} of ${state.hosts}`;
  const below = state?.belowSinceMs === undefined ? '' : `, below for ${span(nowMs - state.belowSinceMs)}`;
  const release =
    releasesAtMs === undefined
      ? 'Nothing acts there until the share is below, or a person releases it.'
      : `Releases itself at ${clockTime(releasesAtMs, nowMs)} if it stays below.`;
  return html`<li class="warn"><b><span class="warn">◼ BRAKE ON</span> ${scope}</b> <span class="dim">${cause}${began}</span>
<p>${unhealthy} of ${hosts} hosts unhealthy now, at most ${allowed} allowed${below}. ${release}</p>
<p class="dim">Go on in spite of it: <code>mendd brake release ${word(scope)} --reason "..."</code></p></li>`;
}

export function doubtRow(doubt: Doubt, nowMs: number): Html {
  return html`<li class="warn"><b><span class="warn">⊘ MENDD DOUBTS ITSELF</span> ${doubt.cause.replaceAll('_', ' ')}</b> <span class="dim">for ${span(
    nowMs - doubt.sinceMs,
  )}; no action runs</span>
<p class="dim">${cut(figures(doubt.values))}</p><p>Ends with: ${cut(doubt.opens)}</p></li>`;
}

export function quarantineRow({ cause, sinceMs, text }: Quarantine, nowMs: number): Html {
  return html`<li class="bad"><b><span class="bad">✖ LEDGER NOT TRUSTED</span> ${cause}</b> <span class="dim">for ${span(
    nowMs - sinceMs,
  )}; checks go on, no action runs</span>
<p class="out">${cut(text)}</p>
<p>When nothing that was sent can still be running: <code>mendd rearm --reason "..."</code></p></li>`;
}

export function demotedRow({ action, mode, sinceMs, by, reason }: TrustCap, nowMs: number): Html {
  return html`<li class="warn"><b><span class="warn">▼ TRUST LOST</span> ${action}: at most ${mode}</b> <span class="dim">since ${clockTime(
    sinceMs,
    nowMs,
  )} by ${by}</span>
<p>${cut(reason)}</p><p class="dim">Give it back: <code>mendd trust promote ${word(action)} --reason "..."</code></p></li>`;
}

function covered({ hosts, labels, checks }: Matcher): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  const which = [...hosts, ...pairs].join(' ');
  return checks.length === 0 ? which : `${which} › ${checks.join(' ')}`;
}

function endOf(suppression: Suppression, nowMs: number): string {
  if (suppression.kind === 'downtime' && suppression.window.kind === 'recurring') {
    const { cron, timezone, lastsMs } = suppression.window;
    return `${formatDuration(lastsMs)} from each ${cron} ${timezone}`;
  }
  const endsAtMs = suppression.kind === 'downtime' ? endOfWindow(suppression.window) : suppression.endsAtMs;
  return endsAtMs === undefined ? 'until the problem ends' : `until ${clockTime(endsAtMs, nowMs)}`;
}

function endOfWindow(window: Extract<Suppression, { kind: 'downtime' }>['window']): number | undefined {
  return window.kind === 'recurring' ? undefined : window.endsAtMs;
}

export function suppressionRow(suppression: Suppression, nowMs: number): Html {
  const { kind, by, reason } = suppression;
  const what =
    kind === 'acknowledgement' ? `${suppression.host} › ${suppression.check}` : covered(suppression.match);
  return html`<li><b>${kind}</b> ${cut(what)} <span class="dim">${endOf(suppression, nowMs)}, by ${by}: ${cut(reason)}</span></li>`;
}
