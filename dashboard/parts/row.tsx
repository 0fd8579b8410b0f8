/** A row that a person can walk to and act upon: by its buttons, or by keys while it has the focus. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect } from 'preact/hooks';
import { may, type Scope } from '../http/session.ts';
import { go } from '../route.ts';
import type { Tone } from './marks.ts';

export interface Command {
  /** Only while the row has the focus. */
  key?: string;
  label: string;
  look?: 'primary' | 'danger';
  /** Whoever lacks it does not see the button. */
  scope: Scope;
  run: () => void;
}

interface RowProps {
  /** Unique on the page. */
  id: string;
  tone: Tone;
  /** Shape at the left; the words say the same. */
  sign: string;
  /** Where Enter leads. */
  href?: string;
  commands?: readonly Command[];
  /** At the right, or below on narrow screens. */
  aside?: ComponentChildren;
  slim?: boolean;
  /** Nobody has to act on it: its buttons step back. */
  calm?: boolean;
  children: ComponentChildren;
}

interface Walked {
  href: string | undefined;
  commands: readonly Command[];
}

const rows = new Map<string, Walked>();

export function Row({
  id,
  tone,
  sign,
  href,
  commands = [],
  aside,
  slim = false,
  calm = false,
  children,
}: RowProps) {
  const allowed = commands.filter(({ scope }) => may(scope));
  // Its keys work as soon as it can be seen.
  useLayoutEffect(() => {
    const walked = { href, commands: allowed };
    rows.set(id, walked);
    return () => {
      if (rows.get(id) === walked) rows.delete(id);
    };
  });
  return (
    <li class={`row edge-${tone} ${slim ? 'slim' : ''} ${calm ? 'calm-row' : ''}`} tabIndex={0} data-row={id}>
      <span class={`sign ${tone}`} aria-hidden="true">
        {sign}
      </span>
      <div class="row-body">
        {children}
        {allowed.length === 0 ? undefined : (
          <div class="commands">
            {allowed.map(({ key, label, look, run }) => (
              <button key={label} type="button" class={look ?? ''} onClick={run}>
                {label} {key === undefined ? undefined : <kbd aria-hidden="true">{key}</kbd>}
              </button>
            ))}
          </div>
        )}
      </div>
      {aside === undefined ? undefined : <div class="aside">{aside}</div>}
    </li>
  );
}

function focusedRow(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>('[data-row]') ?? null;
}

/** To the next row or the one before; the first when none has the focus. */
export function walk(step: 1 | -1): boolean {
  const all = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  const here = focusedRow();
  const next = here === null ? all[0] : all[all.indexOf(here) + step];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
  return all.length > 0;
}

/** Does what the key means for the row with the focus; without one goes to the first, so that nothing is done to a row unseen. */
export function pressOnRow(key: string): boolean {
  const here = focusedRow();
  if (here === null) return walk(1);
  const walked = rows.get(here.dataset['row'] ?? '');
  if (key === 'Enter') {
    if (walked?.href === undefined) return false;
    go(walked.href);
    return true;
  }
  const command = walked?.commands.find((each) => each.key === key);
  command?.run();
  return command !== undefined;
}
