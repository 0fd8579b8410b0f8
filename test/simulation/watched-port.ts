/** The ports of a store as a simulated daemon gets them: fail as its disk does, and tell of every call that writes. */
import { MenddError } from '../../core/errors.ts';

/** `full` takes no writes, `gone` answers nothing. */
export type DiskState = 'well' | 'full' | 'gone';

export const ledgerWrites: ReadonlySet<string> = new Set([
  'claim',
  'dispatched',
  'advance',
  'askApproval',
  'settleApproval',
  'saveBrake',
  'clearBrake',
  'saveTrust',
  'setQuarantine',
  'addSuppression',
  'endSuppression',
  'audit',
  'pause',
  'resume',
  'enqueue',
  'messageSent',
]);
export const storeWrites: ReadonlySet<string> = new Set(['save', 'saveDecision', 'addEvent', 'forget']);

export interface PortWatch {
  disk: () => DiskState;
  /** A call that writes is about to be made. */
  before?: (name: string) => void;
  /** It came back; what it returned is what the disk holds. */
  after: (name: string, args: readonly unknown[], result: unknown) => void;
}

type AnyFunction = (...args: unknown[]) => unknown;

function isCallable(member: unknown): member is AnyFunction {
  return typeof member === 'function';
}

export function watched<T extends object>(port: T, writes: ReadonlySet<string>, watch: PortWatch): T {
  const entries = Object.entries(port).map(([name, member]: [string, unknown]) => {
    if (!isCallable(member)) return [name, member];
    const isWrite = writes.has(name);
    const call = (...args: unknown[]): unknown => {
      const state = watch.disk();
      if (state === 'gone' || (state === 'full' && isWrite))
        throw new MenddError('STORE_UNUSABLE', `the disk is ${state}`);
      if (!isWrite) return Reflect.apply(member, port, args);
      watch.before?.(name);
      const result = Reflect.apply(member, port, args);
      watch.after(name, args, result);
      return result;
    };
    return [name, call];
  });
  return Object.fromEntries(entries) as T;
}
