/** Owns the hosts that registered themselves. Whether one is let in is not decided here. */
import type { RegistrationBook } from '../core/ledger-ports.ts';
import type { Registration } from '../core/outside-port.ts';
import type { Connection } from './connection.ts';
import { type Documents, documentTable, withoutEnd } from './documents.ts';

export type Registrations = Pick<RegistrationBook, keyof RegistrationBook> &
  Pick<Documents<Registration>, 'verify'>;

export function registrationTable(db: Connection, file: string): Registrations {
  const documents = documentTable<Registration>(db, file, {
    table: 'registrations',
    idOf: ({ name }) => name,
    // How long one is kept is a matter of the definitions.
    untilMs: () => withoutEnd,
  });
  return {
    registrations: () => [...documents.lastingAfter(0)],
    saveRegistration: (registration) => documents.put(registration),
    removeRegistration: (name) => documents.remove(name),
    verify: documents.verify,
  };
}
