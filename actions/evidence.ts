/**
 * Owns the command that gathers evidence just before an action, from its `before`. It changes nothing about the
 * action and its end means nothing.
 */
import type { ActionDefinition } from '../core/definitions.ts';

/** The end of the output is kept, where logs have what happened last. */
export const evidenceBytes = 32_768;

/** Undefined when the action has no `before`. Errors are evidence too, so both streams are kept in their order. */
export function evidenceScript(action: Pick<ActionDefinition, 'before'>): string | undefined {
  if (action.before === undefined) return undefined;
  return `(\n${action.before}\n) 2>&1 | tail -c ${evidenceBytes}\nexit 0`;
}
