/** `mendd register`: tells the daemon of a host, as the host itself does at its first boot. Whether it is let in is the daemon's matter. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { addCommand, type ChangeOptions, openSession, withChange } from './command.ts';
import { usageError } from './exit.ts';
import { pairsOf, withPairs } from './pairs.ts';
import { plain } from './plain-text.ts';
import { showInstant } from './times.ts';

interface RegisterOptions extends ChangeOptions {
  address?: string;
  port?: string;
  user?: string;
  label?: string[];
  hostKey?: string;
}

interface Registered {
  name: string;
  status: string;
  expiresAt: string;
}

/** Of a public key. Characters. */
const longestKey = 16_384;

export function addRegister(program: Command): void {
  const summary = 'tell the daemon of a host that wants to be watched; needs a token with the scope register';
  const command = addCommand(program, 'register <name>', summary, [
    'register web-7 --label role=web --host-key /etc/ssh/ssh_host_ed25519_key.pub',
    'register web-7 --address 10.0.0.7 --port 2222 --user mendd',
  ]);
  withPairs(withChange(command), '--label <key=value>', 'of the host; may come again')
    .option('--address <address>', 'where it is reached; where this comes from without it')
    .option('--port <port>', 'of its SSH')
    .option('--user <user>', 'who logs in there')
    .option('--host-key <file>', 'its public host key, to be compared and recorded')
    .action(register);
}

async function register(name: string, options: RegisterOptions): Promise<void> {
  const { address, port, user, label, hostKey } = options;
  if (port !== undefined && !/^\d{1,5}$/.test(port)) throw usageError(`--port: \`${port}\` is no port.`);
  const body = {
    name,
    ...(address === undefined ? {} : { address }),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(user === undefined ? {} : { user }),
    ...(label === undefined ? {} : { labels: pairsOf('--label', label) }),
    ...(hostKey === undefined ? {} : { host_key: readKey(hostKey) }),
  };
  const { client, out } = await openSession(options);
  const told = await client.post<Registered>('/api/v1/register', body);
  out.value(told, () => [
    plain(`${told.name}: ${told.status}; to be told again before ${showInstant(told.expiresAt)}.`),
  ]);
}

/** Type and key, without the comment. Errors: 64. */
function readKey(file: string): string {
  const hint = 'Give its public key, such as /etc/ssh/ssh_host_ed25519_key.pub.';
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw usageError(`--host-key: ${(error as Error).message}.`, hint);
  }
  const [, key] = /^(\S+ \S+)(?:\s|$)/.exec(text.slice(0, longestKey)) ?? [];
  // A private key must not leave this machine.
  if (key === undefined || !/^(ssh|ecdsa)-/.test(key))
    throw usageError(`--host-key: ${file} holds no public key.`, hint);
  return key;
}
