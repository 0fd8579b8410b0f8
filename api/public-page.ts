/** The public status page and the badges as text: no script, no font, no host of others. It reads nothing. */
import { html, pageOf, span } from './page-html.ts';
import type { Incident, PublicState, PublicStatus } from './public-status.ts';

const words: Readonly<Record<PublicState, string>> = {
  up: 'Up',
  degraded: 'Degraded',
  down: 'Down',
  unknown: 'Not known',
};

const signs: Readonly<Record<PublicState, string>> = { up: '●', degraded: '▲', down: '✖', unknown: '?' };
const looks: Readonly<Record<PublicState, string>> = { up: 'ok', degraded: 'warn', down: 'bad', unknown: '' };

const verdicts: Readonly<Record<PublicState, string>> = {
  up: 'Everything is up',
  degraded: 'Something is degraded',
  down: 'Everything is down',
  unknown: 'It is not known how things are',
};

/** Of one group; those in trouble come first. */
const hostsShown = 100;
/** Of one downtime. */
const namesListed = 20;

/** `names`: hosts are named. */
export function publicPage(title: string, status: PublicStatus, names: boolean): string {
  const { state, groups, incidents, downtimes, atMs } = status;
  const rows = groups.map(
    (group) =>
      html`<li class="${looks[group.state]}"><span class="${looks[group.state]}">${mark(group.state)}</span> <b>${group.name}</b>${names ? hostNames(group.hosts) : undefined}</li>`,
  );
  const past = incidents.map((incident) => incidentRow(incident, atMs));
  const body = html`<header><h1>${title}</h1><p class="${looks[state]}" role="status">${signs[state]} <b>${verdicts[state]}</b></p></header>
<main><section><h2>Now</h2><ul>${rows}</ul></section>
${plannedSection(downtimes, atMs, names)}<section><h2>Last 7 days</h2>${past.length === 0 ? html`<p>No trouble.</p>` : html`<ul class="small">${past}</ul>`}</section></main>
<footer class="dim">As of ${time(atMs)}. Load it again to see what is so now.</footer>`;
  return pageOf(title, body);
}

function hostNames(hosts: PublicStatus['groups'][number]['hosts']) {
  const more = hosts.length - hostsShown;
  const chips = hosts
    .slice(0, hostsShown)
    .map(({ name, state }) => html`<span class="chip">${signs[state]} ${name}</span>`);
  return html`<p class="dim">${chips}${more > 0 ? html` and ${more} more` : undefined}</p>`;
}

function mark(state: PublicState): string {
  return `${signs[state]} ${words[state]}`;
}

function incidentRow({ group, sinceMs, untilMs }: Incident, nowMs: number) {
  const lasts = untilMs === undefined;
  const said = lasts
    ? `has trouble, for ${span(nowMs - sinceMs)}`
    : `had trouble, for ${span(untilMs - sinceMs)}`;
  return html`<li class="${lasts ? 'bad' : ''}">${time(sinceMs)} <b>${group}</b> ${said}</li>`;
}

function plannedSection(downtimes: PublicStatus['downtimes'], nowMs: number, names: boolean) {
  if (downtimes.length === 0) return undefined;
  const rows = downtimes.map(({ sinceMs, untilMs, groups, hosts }) => {
    const runs = sinceMs <= nowMs;
    const said = runs ? 'planned work is under way' : 'planned work';
    const what = listed(names ? hosts : []);
    return html`<li class="${runs ? 'warn' : ''}">${time(sinceMs)} to ${time(untilMs)} <b>${listed(groups)}</b> ${said}${what === '' ? undefined : html` <span class="dim">(${what})</span>`}</li>`;
  });
  return html`<section><h2>Planned work</h2><ul class="small">${rows}</ul></section>`;
}

function listed(names: readonly string[]): string {
  const more = names.length - namesListed;
  return `${names.slice(0, namesListed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function time(ms: number) {
  const text = new Date(ms).toISOString();
  return html`<time datetime="${text}">${text.slice(0, 16).replace('T', ' ')} UTC</time>`;
}

const fills: Readonly<Record<PublicState, string>> = {
  up: '#15692b',
  degraded: '#8a5300',
  down: '#b3152f',
  unknown: '#5b6470',
};

/** Advance of a character in 11 px of the usual sans fonts; `textLength` makes it fit where it is another. */
const charPx = 6.6;
const padPx = 6;
const longestLabel = 60;

function widthOf(text: string): number {
  return Math.round(text.length * charPx) + 2 * padPx;
}

function field(text: string, x: number, width: number) {
  return html`<text x="${x + padPx}" y="14" textLength="${width - 2 * padPx}">${text}</text>`;
}

/** SVG of two fields, as READMEs show them. */
export function badge(label: string, state: PublicState): string {
  const name = label.length > longestLabel ? `${label.slice(0, longestLabel)}…` : label;
  const word = words[state].toLowerCase();
  const [left, right] = [widthOf(name), widthOf(word)];
  return html`<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="${name}: ${word}"><title>${name}: ${word}</title><rect width="${left}" height="20" fill="#3b4048"/><rect x="${left}" width="${right}" height="20" fill="${fills[state]}"/><g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">${field(name, 0, left)}${field(word, left, right)}</g></svg>`
    .text;
}
