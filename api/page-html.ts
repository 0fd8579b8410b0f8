/**
 * The paper of the public status page: its one style and policy, markup that escapes what is put into it, and how times are said. It
 * knows nothing of what is told.
 */
import { createHash } from 'node:crypto';

const style = `
:root{color-scheme:light dark;--bg:#fff;--card:#f4f5f7;--fg:#16181d;--dim:#5b6470;--line:#d5d9e0;--bad:#b3152f;--warn:#8a5300;--ok:#15692b}
@media(prefers-color-scheme:dark){:root{--bg:#0e1116;--card:#181b22;--fg:#eceff4;--dim:#9aa4b2;--line:#2b303a;--bad:#ff7b93;--warn:#ffb74d;--ok:#7ddb95}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
header,main,footer{max-width:72rem;margin:0 auto;padding:.75rem 1rem}
h1{font-size:1.3rem;margin:.25rem 0}
h2{font-size:.8rem;letter-spacing:.06em;text-transform:uppercase;color:var(--dim);margin:1.5rem 0 .5rem}
p{margin:.25rem 0}
ul{list-style:none;margin:0;padding:0}
li{background:var(--card);border-left:5px solid var(--line);border-radius:6px;padding:.5rem .75rem;margin:.4rem 0}
.dim{color:var(--dim)}
.chip{display:inline-block;border:1px solid var(--line);border-radius:1rem;padding:.1rem .7rem;margin:.15rem .25rem .15rem 0}
.bad{color:var(--bad)}.warn{color:var(--warn)}.ok{color:var(--ok)}
li.bad,li.warn,li.ok{color:inherit;border-left-color:currentColor}
li.bad{border-left-color:var(--bad)}li.warn{border-left-color:var(--warn)}li.ok{border-left-color:var(--ok)}
.small li{padding:.2rem .75rem;margin:.2rem 0;font-size:.9rem}
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

/** A whole page. */
export function pageOf(title: string, body: Html): string {
  return html`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title><style>${new Html(style)}</style></head><body>${body}</body></html>`
    .text;
}
