/** Owns what rules lay upon many actions: the brakes, and the caps on an action's trust. When they apply is decided elsewhere. */
import type { Restraints } from '../core/ledger-ports.ts';
import type { BrakeState, GroupKey, TrustCap } from '../core/safety.ts';
import type { Connection } from './connection.ts';
import { documentTable, withoutEnd } from './documents.ts';

export type Brakes = Pick<Restraints, 'brakes' | 'saveBrake' | 'clearBrake'> & {
  /** On by a mass failure, and not released by a person. A spent budget is counted by the claim: the run that takes the last of it may go. */
  isOn: (scope: GroupKey) => boolean;
  verify: () => void;
};

export function brakeTable(db: Connection, file: string): Brakes {
  const documents = documentTable<BrakeState>(db, file, {
    table: 'brakes',
    idOf: ({ scope }) => scope,
    untilMs: () => withoutEnd,
  });
  return {
    brakes: () => [...documents.lastingAfter(0)],
    saveBrake: documents.put,
    clearBrake: (scope) => void documents.remove(scope),
    isOn(scope) {
      const brake = documents.get(scope);
      return brake?.cause === 'mass_failure' && brake.released === undefined;
    },
    verify: documents.verify,
  };
}

export type Trust = Pick<Restraints, 'trust' | 'saveTrust'> & { verify: () => void };

export function trustTable(db: Connection, file: string): Trust {
  const documents = documentTable<TrustCap>(db, file, {
    table: 'trust',
    idOf: ({ action }) => action,
    untilMs: () => withoutEnd,
  });
  return {
    trust: () => [...documents.lastingAfter(0)],
    saveTrust: documents.put,
    verify: documents.verify,
  };
}
