/** Owns the command line of an `ssh` master. Text only; secrets never stand in it. */
import type { HostDefinition, SshConfig } from '../core/definitions.ts';
import { quoteShell } from '../core/shell-quote.ts';
import { pulse } from './ssh-pulse.ts';

export interface MasterPlan {
  host: HostDefinition;
  config: SshConfig;
  /** Where the master listens. */
  controlPath: string;
  /** Algorithms of host keys to ask for; the program's own choice when absent. */
  hostKeyAlgorithms?: readonly string[];
  /** File with the key to offer first; the program's own choice, or the agent's, when absent. */
  identityFile?: string;
  /** Control socket of the master of the jump host. */
  jumpControlPath?: string;
}

/** Options on the command line win over those of the file that `ssh.config` names. */
export function masterArguments(plan: MasterPlan): string[] {
  const { host, config } = plan;
  const options: [string, string][] = [
    ['HostName', host.address.replaceAll('%', '%%')],
    // Nothing may ask, nothing but the one connection may be opened, nothing else may be started.
    ['BatchMode', 'yes'],
    ['NumberOfPasswordPrompts', '0'],
    ['PasswordAuthentication', 'no'],
    ['KbdInteractiveAuthentication', 'no'],
    ['StrictHostKeyChecking', config.hostKeys === 'strict' ? 'yes' : 'accept-new'],
    ['UserKnownHostsFile', path(config.knownHosts)],
    ['UpdateHostKeys', 'no'],
    ['HashKnownHosts', 'no'],
    ['CheckHostIP', 'no'],
    ['AddKeysToAgent', 'no'],
    ['ControlMaster', 'yes'],
    ['ControlPersist', 'no'],
    ['ConnectionAttempts', '1'],
    // For when nothing is under way; what is, is asked after over the control socket.
    ['ServerAliveInterval', String(pulse.patienceMs / 1000)],
    ['ServerAliveCountMax', String(pulse.idleMs / pulse.patienceMs)],
    ['ClearAllForwardings', 'yes'],
    ['ForwardAgent', 'no'],
    ['ForwardX11', 'no'],
    ['PermitLocalCommand', 'no'],
    ['RemoteCommand', 'none'],
    ['Tunnel', 'no'],
    ['VisualHostKey', 'no'],
    // Tells how far a login came; openssh-log.ts reads it.
    ['LogLevel', 'DEBUG1'],
  ];
  if (config.clientConfig === undefined) options.push(['GlobalKnownHostsFile', '/dev/null']);
  // Else accept-new would take a key of another type for a new one.
  if (plan.hostKeyAlgorithms) options.push(['HostKeyAlgorithms', plan.hostKeyAlgorithms.join(',')]);
  if (plan.identityFile !== undefined) {
    options.push(['IdentityFile', path(plan.identityFile)]);
    // Without an agent only what is configured is offered, not what else lies in ~/.ssh.
    if (!config.agent) options.push(['IdentitiesOnly', 'yes']);
  }
  for (const certificate of config.certificates ?? []) options.push(['CertificateFile', path(certificate)]);
  if (plan.jumpControlPath !== undefined) {
    options.push(['ProxyJump', 'none'], ['ProxyCommand', throughMaster(plan.jumpControlPath)]);
  }
  const fixed = ['-F', config.clientConfig ?? 'none', '-M', '-N', '-n', '-T', '-S', plan.controlPath];
  const place = ['-l', host.user, '-p', String(host.port)];
  return fixed.concat(
    place,
    options.flatMap(([name, value]) => ['-o', `${name}=${value}`]),
    '--',
    host.name,
  );
}

/** A stream from the jump host's own connection. `false` is what it would connect by, were that connection gone. */
function throughMaster(controlPath: string): string {
  const socket = quoteShell(controlPath.replaceAll('%', '%%'));
  return `ssh -F none -S ${socket} -o ControlMaster=no -o ProxyCommand=false -o BatchMode=yes -W '[%h]:%p' -- jump`;
}

/** As ssh_config wants a path that may hold blanks, quotes and percent signs. */
function path(value: string): string {
  return `"${value.replaceAll('%', '%%').replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
