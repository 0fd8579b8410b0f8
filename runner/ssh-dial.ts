/** Opens one connection by the client that the host is reached with; it decides neither when nor through what. */
import type { Clock } from '../core/ports.ts';
import type { OpensshProgram, OpensshRequest } from './openssh-program.ts';
import type { Logins } from './ssh-auth.ts';
import { connectSsh } from './ssh-connect.ts';
import type { SshConnection } from './ssh-connection.ts';
import type { ConnectFailure } from './ssh-failure.ts';

export interface DialRequest extends OpensshRequest {
  logins: Logins;
  openssh: OpensshProgram;
  clock: Clock;
  /** Waits until a handshake may begin on this process's own CPU. */
  turn: () => Promise<void>;
}

export function dial(request: DialRequest): Promise<SshConnection | ConnectFailure> {
  const { host, config, jump, actionKey, logins, clock } = request;
  if (host.transport === 'openssh') return request.openssh.connect(request);
  const login = actionKey ? (logins.action ?? logins.check) : logins.check;
  return connectSsh({
    address: host.address,
    port: host.port,
    user: host.user,
    auth: login(host.user),
    hostKeys: request.hostKeys,
    limitMs: config.connectTimeoutMs,
    maxSessions: config.maxSessionsPerHost,
    clock,
    signal: request.signal,
    turn: request.turn,
    onHostKeyChange: request.onHostKeyChange,
    ...(jump ? { forward: () => jump.connection.forward(host.address, host.port) } : {}),
  });
}
