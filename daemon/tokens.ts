/** Makes and revokes tokens because an admin says so. Each is in the audit before anybody is told of it. */
import type { TokensPort } from '../core/tokens-port.ts';
import { type PersonControlSources, recordCommand, rejected } from './person-controls.ts';

type Sources = Pick<PersonControlSources, 'clock' | 'coordinator'>;

export function createTokensPort(sources: Sources): TokensPort {
  const { clock, coordinator } = sources;
  return {
    list: () => coordinator.tokens(),
    create(wanted, by, isDry) {
      const nowMs = clock.nowMs();
      if (isDry) return { token: { id: 'none', createdAtMs: nowMs, ...wanted } };
      const { name, scopes, expiresAtMs = null } = wanted;
      // First: a token nobody is on record for must not exist.
      recordCommand(sources, by, 'token.created', { name, scopes, expiresAtMs });
      return coordinator.createToken({ ...wanted, nowMs });
    },
    revoke(id, by, isDry) {
      const found = coordinator.tokens().find((each) => each.id === id);
      if (found === undefined) return rejected(404, 'not_found', `There is no token ${id}.`);
      if (isDry) return found;
      recordCommand(sources, by, 'token.revoked', { id, name: found.name, scopes: found.scopes });
      coordinator.revokeToken(id);
      return found;
    },
  };
}
