/**
 * Knows whether somebody is about to press something in a list: the pointer or the focus is in one, and was used a moment
 * ago. A pointer left lying does not keep news from the page.
 */
import { signal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { path } from '../route.ts';

/** On the element of each list whose rows must not move meanwhile. */
export const steadyMark = { 'data-steady': '' } as const;

/** Without any input for so long nobody is about to press anything. Milliseconds. */
const idleAfterMs = 20_000;

/** True while rows have to stay where they are. */
export const isAttended = signal(false);

let [isPointed, isFocused] = [false, false];
let idle: ReturnType<typeof setTimeout> | undefined;

function isInList(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('[data-steady]') !== null;
}

function used(): void {
  clearTimeout(idle);
  const isUsed = isPointed || isFocused;
  isAttended.value = isUsed;
  if (!isUsed) return;
  idle = setTimeout(() => {
    isAttended.value = false;
  }, idleAfterMs);
}

export function startAttention(): void {
  // What was pointed at is gone with its view.
  path.subscribe(() => {
    [isPointed, isFocused] = [false, false];
    used();
  });
  const pointed = ({ target }: Event): void => {
    isPointed = isInList(target);
    used();
  };
  for (const type of ['pointerover', 'pointermove', 'pointerdown', 'wheel'])
    document.addEventListener(type, pointed, { passive: true });
  document.documentElement.addEventListener('pointerleave', () => {
    isPointed = false;
    used();
  });
  // A finger that is lifted points at nothing.
  document.addEventListener('pointerup', ({ pointerType, target }) => {
    isPointed = pointerType !== 'touch' && isInList(target);
    used();
  });
  document.addEventListener('focusin', ({ target }) => {
    isFocused = isInList(target);
    used();
  });
  document.addEventListener('focusout', ({ relatedTarget }) => {
    isFocused = isInList(relatedTarget);
    used();
  });
  document.addEventListener('keydown', used);
}

/** The value as it was when attention began: for what would push rows away by coming or going. */
export function useHeld<T>(value: T): T {
  const kept = useRef(value);
  if (!isAttended.value) kept.current = value;
  return kept.current;
}
