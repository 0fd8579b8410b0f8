/** The keys of the page: which key calls what, what the help lists, and when keys are off. */
import { isDialogOpen } from './parts/dialog.tsx';

export interface KeyBinding {
  /** As `KeyboardEvent.key` has it. */
  key: string;
  /** For the help. */
  does: string;
  /** Returns false when it had nothing to do, and the key stays the browser's. */
  run: () => boolean | undefined;
}

const bound = new Map<string, KeyBinding[]>();

/** The newest binding of a key is called. Returns what ends them all. */
export function bindKeys(bindings: readonly KeyBinding[]): () => void {
  for (const binding of bindings) bound.set(binding.key, [...(bound.get(binding.key) ?? []), binding]);
  return () => {
    for (const binding of bindings) {
      bound.set(
        binding.key,
        (bound.get(binding.key) ?? []).filter((each) => each !== binding),
      );
    }
  };
}

/** In force now, for the help. */
export function keysNow(): KeyBinding[] {
  return [...bound.values()].flatMap((bindings) => bindings.at(-1) ?? []);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (
    target.isContentEditable ||
    target instanceof HTMLSelectElement ||
    target instanceof HTMLTextAreaElement
  )
    return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button'].includes(target.type);
}

/** Off while something is typed, in dialogs, and with modifiers, which are the browser's. */
export function startKeyboard(): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // Holding j walks on; holding anything else must not press twice.
    if (event.repeat && event.key !== 'j' && event.key !== 'k') return;
    if (event.defaultPrevented || isTyping(event.target) || isDialogOpen()) return;
    // Enter on a link or a button is theirs.
    if (
      event.key === 'Enter' &&
      event.target instanceof Element &&
      event.target.closest('a, button, summary') !== null
    )
      return;
    const binding = bound.get(event.key)?.at(-1);
    if (binding !== undefined && binding.run() !== false) event.preventDefault();
  });
}
