/**
 * The paper of the status page: its one style and policy, markup that escapes what is put into it, and how times are said. It knows
 * nothing of what is told.
 */
import { createHash } from 'node:crypto';

/** Rows shown of each list; what is left out is counted. */
export const rowLimit = 50;
const textLimit = 300;

export const style = `
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
.small li{padding:.2rem .75rem;margin:.2rem 0;font-size:.9rem}
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

export class Html {
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
export function html(markup: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(
    markup.map((text, index) => (index === 0 ? text : render(parts[index - 1]) + text)).join(''),
  );
}

export function cut(text: string, limit = textLimit): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
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
export function clockTime(ms: number, nowMs: number): string {
  const text = new Date(ms).toISOString();
  const sameDay = text.slice(0, 10) === new Date(nowMs).toISOString().slice(0, 10);
  return sameDay ? text.slice(11, 16) : `${text.slice(5, 10)} ${text.slice(11, 16)}`;
}

/** A heading with its count, and at most 50 rows; nothing at all without items. */
export function section<T>(
  title: string,
  items: readonly T[],
  row: (item: T) => Html,
  look = '',
): Html | undefined {
  if (items.length === 0) return undefined;
  const rest = items.length - rowLimit;
  return html`<section><h2>${title} (${items.length})</h2><ul class="${look}">${items.slice(0, rowLimit).map(row)}</ul>${
    rest > 0 ? html`<p class="dim">and ${rest} more</p>` : undefined
  }</section>`;
}
