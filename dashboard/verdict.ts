/** Says in one line how things stand, and what of it belongs into the title and the icon. Pure. */
import type { NowAnswer } from './http/wire-types.ts';
import type { Freshness } from './live/freshness.ts';
import type { Tone } from './parts/marks.ts';

export interface VerdictPart {
  sign: string;
  text: string;
  tone: Tone;
}

export interface Verdict {
  tone: Tone;
  parts: readonly VerdictPart[];
}

type Counted = NowAnswer['verdict'];

function partsOf({ needYou, healing, problems, unreachable, stale, ok }: Counted): VerdictPart[] {
  const all: [number, VerdictPart][] = [
    [needYou, { sign: '✖', text: needYou === 1 ? '1 needs you' : `${needYou} need you`, tone: 'bad' }],
    [healing, { sign: '↻', text: `${healing} healing`, tone: 'busy' }],
    [problems, { sign: '▲', text: problems === 1 ? '1 problem' : `${problems} problems`, tone: 'warn' }],
    [unreachable, { sign: '⌁', text: `${unreachable} unreachable`, tone: 'warn' }],
    [stale, { sign: '◌', text: `${stale} stale`, tone: 'calm' }],
  ];
  return [
    ...all.filter(([amount]) => amount > 0).map(([, part]) => part),
    { sign: '●', text: `${ok} OK`, tone: 'ok' },
  ];
}

/** Troubles of mendd itself weigh as much as those of a host. */
function isHeldBack({ automation, definitions, health }: NowAnswer): boolean {
  const { paused, quarantine, doubt } = automation;
  return (
    !health.ready ||
    paused !== undefined ||
    quarantine !== undefined ||
    doubt !== undefined ||
    !definitions.lastReloadOk ||
    definitions.held !== undefined ||
    definitions.rollback !== undefined
  );
}

/** `ok` is all clear: nothing waits, nothing is wrong, and mendd itself is free to act by the newest definitions. */
export function toneOf(now: NowAnswer): Tone {
  const { needYou, healing, problems, unreachable, stale, ok } = now.verdict;
  if (needYou > 0) return 'bad';
  if (problems + unreachable + stale > 0 || isHeldBack(now)) return 'warn';
  if (healing > 0) return 'busy';
  // Nothing that is OK is not the same as everything being OK.
  return ok > 0 ? 'ok' : 'calm';
}

/** Undefined while nothing is known. What is stale is neither good nor bad: it is not known. */
export function verdictOf(now: NowAnswer | undefined, freshness: Freshness): Verdict | undefined {
  if (now === undefined) return undefined;
  const parts = partsOf(now.verdict);
  if (freshness.kind === 'stale')
    return { tone: 'calm', parts: parts.map((part) => ({ ...part, tone: 'calm' })) };
  return { tone: toneOf(now), parts };
}

export function sentenceOf(verdict: Verdict): string {
  return verdict.parts.map(({ text }) => text).join(' · ');
}

const signs: Readonly<Record<Tone, string>> = { bad: '✖', warn: '▲', busy: '↻', ok: '●', calm: '◌' };

export function signOf(tone: Tone): string {
  return signs[tone];
}

const icons: Readonly<Record<Tone, { colour: string; shape: string }>> = {
  bad: { colour: '#c81e3f', shape: '<path d="M10 10l12 12M22 10l-12 12" stroke="#fff" stroke-width="4.5"/>' },
  warn: { colour: '#b26a00', shape: '<path d="M16 7l9 16H7z" fill="#fff"/>' },
  busy: {
    colour: '#1d5fd1',
    shape: '<path d="M22 16a6 6 0 1 1-2-4.5M21 7v5h-5" fill="none" stroke="#fff" stroke-width="3"/>',
  },
  ok: { colour: '#1a7f37', shape: '<path d="M9 16.5l5 5 9-11" fill="none" stroke="#fff" stroke-width="4"/>' },
  calm: {
    colour: '#6b7280',
    shape:
      '<circle cx="16" cy="16" r="7" fill="none" stroke="#fff" stroke-width="3" stroke-dasharray="4 3.3"/>',
  },
};

/** The icon of the tab: shape and colour. */
export function iconOf(tone: Tone): string {
  const { colour, shape } = icons[tone];
  const image = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="${colour}"/>${shape}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(image)}`;
}
