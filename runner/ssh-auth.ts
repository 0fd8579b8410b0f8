/** Turns configured keys and the agent into what a login offers; it keeps secrets and opens no connection. */

import type { AnyAuthMethod, ParsedKey } from 'ssh2';
import ssh2 from 'ssh2';
import type { Secret, SshConfig } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import { hardwareKey } from './openssh-identity.ts';

/** Auth methods for a user name, in the order they are tried. */
export type Login = (user: string) => AnyAuthMethod[];

export interface Logins {
  check: Login;
  /** Absent when actions use the same key, and so the same connection. */
  action?: Login;
}

/** Errors: MenddError KEY_UNUSABLE when a key or its passphrase is wrong, or an agent is asked for that is not there. */
export function createLogins(config: SshConfig, agentSocket: string | undefined): Logins {
  if (config.agent && !agentSocket) {
    throw new MenddError(
      'KEY_UNUSABLE',
      'ssh.agent is on, but there is no agent: SSH_AUTH_SOCK is not set.',
      {
        hint: 'Start mendd with SSH_AUTH_SOCK, or give ssh.identity.',
      },
    );
  }
  const agent = config.agent ? agentSocket : undefined;
  const identity = readKey('ssh.identity', config.identity, config.passphrase);
  const actionIdentity = readKey('ssh.action_identity', config.actionIdentity, config.passphrase);
  return {
    check: login(identity, agent),
    ...(config.actionIdentity ? { action: login(actionIdentity, undefined) } : {}),
  };
}

function login(key: ParsedKey | undefined, agent: string | undefined): Login {
  return (username) => [
    ...(key ? [{ type: 'publickey' as const, username, key }] : []),
    ...(agent ? [{ type: 'agent' as const, username, agent }] : []),
  ];
}

function readKey(
  name: string,
  secret: Secret | undefined,
  passphrase: Secret | undefined,
): ParsedKey | undefined {
  if (!secret) return undefined;
  const hardware = hardwareKey(secret.reveal());
  if (hardware?.locked) {
    throw new MenddError(
      'KEY_UNUSABLE',
      `${name} cannot be used: a FIDO key with a passphrase is not supported.`,
      {
        hint: 'Take the passphrase off (ssh-keygen -p), or load the key into an agent and set ssh.agent: true.',
      },
    );
  }
  // Our own client has no use for it; `transport: openssh` has.
  if (hardware) return undefined;
  const parsed = ssh2.utils.parseKey(secret.reveal(), passphrase?.reveal()) as
    | ParsedKey
    | ParsedKey[]
    | Error;
  if (parsed instanceof Error) {
    throw new MenddError('KEY_UNUSABLE', `${name} cannot be used: ${parsed.message}.`);
  }
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!key?.isPrivateKey()) {
    throw new MenddError('KEY_UNUSABLE', `${name} cannot be used: it is not a private key.`, {
      hint: 'Give the private key, not the .pub file.',
    });
  }
  return key;
}

/** What a login depends on. To be compared, never shown: it holds secrets. */
export function loginStamp(config: SshConfig): string {
  const { identity, actionIdentity, passphrase, agent, knownHosts, hostKeys, certificates, clientConfig } =
    config;
  return JSON.stringify([
    identity?.reveal(),
    actionIdentity?.reveal(),
    passphrase?.reveal(),
    agent,
    knownHosts,
    hostKeys,
    certificates,
    clientConfig,
  ]);
}
