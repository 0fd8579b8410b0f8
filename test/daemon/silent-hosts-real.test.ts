/** That the scheduler of a whole daemon knows which hosts do not answer: by how many of them it dials at once. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test, vi } from 'vitest';
import { RealDaemon } from '../support/real-daemon.ts';

const silentCount = 6;
const maxConcurrent = 6;
const settleMs = 200;

const runbook = `runbook: app
hosts: ["*"]
every: 1s
checks:
  alive: { run: "true" }
`;

const settings = `facts: { enabled: false }
scheduler: { max_concurrent: ${maxConcurrent} }
remediation: { mode: observe }
`;

test('hosts that accept a connection and say nothing are dialled by half of the slots', async () => {
  let [ended, open, most] = [0, 0, 0];
  const server = createServer((socket) => {
    open += 1;
    socket.resume().on('error', () => undefined);
    socket.on('close', () => {
      open -= 1;
      ended += 1;
    });
    // The first time of each tells that it is silent. One that ended may be heard of a little after the next began.
    const isKnown = ended >= silentCount;
    setTimeout(() => (most = isKnown ? Math.max(most, open) : 0), settleMs);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const daemon = await RealDaemon.prepare(runbook, { daemon: settings });
  try {
    const silent = Array.from(
      { length: silentCount },
      (_, i) => `  silent-${i}: { address: 127.0.0.1, port: ${port} }\n`,
    );
    daemon.write('hosts/silent.yaml', `hosts:\n${silent.join('')}`);
    const { configFile } = daemon;
    writeFileSync(
      configFile,
      readFileSync(configFile, 'utf8').replace(/connect_timeout: \d+s/, 'connect_timeout: 3s'),
    );
    await daemon.start();
    await vi.waitFor(() => expect(ended).toBeGreaterThan(silentCount + maxConcurrent / 2), 60_000);
    expect(most).toBe(maxConcurrent / 2);
  } finally {
    await daemon.remove();
    server.close();
  }
}, 90_000);
