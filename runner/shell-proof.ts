/** Proves on a fresh connection that the login runs commands, and learns how the host keeps time limits. */
import { OutputCapture } from './output-capture.ts';
import { probeScript, readProbe } from './remote-script.ts';
import type { SshConnection } from './ssh-connection.ts';

/** Resolves with why it runs no commands, or undefined when it does. Never settles when the host is silent. */
export async function proveShell(connection: SshConnection): Promise<string | undefined> {
  const opened = await connection.open('exec /bin/sh -s');
  if (opened.kind === 'lost') return 'it hung up';
  if (opened.kind !== 'open') return opened.message;
  const { channel } = opened;
  const output = new OutputCapture(16_384);
  const noise = new OutputCapture(200);
  channel.on('data', (chunk: Buffer) => output.push(chunk));
  channel.stderr.on('data', (chunk: Buffer) => noise.push(chunk));
  channel.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => {
    channel.once('close', resolve);
  });
  channel.end(probeScript);
  await closed;
  const limiter = readProbe(output.text());
  if (limiter) {
    connection.limiter = limiter;
    return undefined;
  }
  const said = `${noise.text()} ${output.text()}`.trim().slice(0, 200);
  return said ? `it answered: ${said}` : 'it answered nothing';
}
