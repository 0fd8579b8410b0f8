import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { SelfDoubtRule } from '../../core/remediation-config.ts';
import { createNetworkProbe } from '../../daemon/network-probe.ts';
import { temporaryTree, writeInto } from '../support/temporary-tree.ts';

const nothing: SelfDoubtRule = {
  stallMs: 2_000,
  canaries: [],
  gateway: false,
  dns: [],
  everyMs: 10_000,
  changedAbovePercent: 50,
  changedWithinMs: 60_000,
  changedMin: 5,
};
const gatewayOnly = { ...nothing, gateway: true };
const never = new AbortController().signal;
const host = '127.0.0.1';

async function acceptingPort(): Promise<number> {
  const server = createServer((socket) => socket.destroy()).listen(0, host);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Nobody listens there: it was taken and given back. */
async function refusingPort(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A listener that never accepts and whose queue is full: the kernel drops what comes, as a dead network does. */
async function silentPort(): Promise<number> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer();
    server.listen({ port: 0, host: '${host}', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`,
    { eval: true },
  );
  const [port] = (await once(worker, 'message')) as [number];
  const sockets: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await worker.terminate();
  });
  // The kernel itself answers until the queue is full: two with a backlog of one.
  for (let index = 0; index < 2; index += 1) {
    const socket = connect({ host, port });
    sockets.push(socket);
    await once(socket, 'connect');
  }
  return port;
}

test('a canary that accepts and one that refuses have answered, a silent one has not', async () => {
  const ports = [await acceptingPort(), await refusingPort(), await silentPort()];
  const canaries = ports.map((port) => ({ host, port }));
  const probe = createNetworkProbe({ limitMs: 2_000 });
  expect(await probe.look({ ...nothing, canaries }, never)).toEqual({ canaries: { asked: 3, answered: 2 } });
  const silent = canaries.slice(2);
  expect(await probe.look({ ...nothing, canaries: silent }, never)).toEqual({
    canaries: { asked: 1, answered: 0 },
  });
});

test('a canary may be a name, and one that does not resolve does not answer', async () => {
  const port = await acceptingPort();
  const canaries = [
    { host: 'localhost', port },
    { host: 'nowhere.invalid', port },
  ];
  const probe = createNetworkProbe({ limitMs: 10_000 });
  expect(await probe.look({ ...nothing, canaries }, never)).toEqual({ canaries: { asked: 2, answered: 1 } });
});

test('a look that is given up ends at once and counts what is missing as not answered', async () => {
  const port = await silentPort();
  const giveUp = new AbortController();
  const probe = createNetworkProbe({ limitMs: 60_000 });
  const looking = probe.look({ ...nothing, canaries: [{ host, port }] }, giveUp.signal);
  giveUp.abort();
  expect(await looking).toEqual({ canaries: { asked: 1, answered: 0 } });
  const aborted = await probe.look(
    { ...nothing, canaries: [{ host, port }], dns: ['localhost'] },
    giveUp.signal,
  );
  expect(aborted).toEqual({ canaries: { asked: 1, answered: 0 }, dns: { asked: 1, answered: 0 } });
});

test('many canaries are asked at once without a warning of leaking listeners', async () => {
  const warned = vi.fn<(warning: Error) => void>();
  process.on('warning', warned);
  onTestFinished(() => void process.off('warning', warned));
  const port = await refusingPort();
  const canaries = Array.from({ length: 100 }, () => ({ host, port }));
  const seen = await createNetworkProbe().look({ ...nothing, canaries, dns: ['localhost'] }, never);
  expect(seen).toEqual({ canaries: { asked: 100, answered: 100 }, dns: { asked: 1, answered: 1 } });
  expect(warned).not.toHaveBeenCalled();
});

test('names resolve or do not', async () => {
  const probe = createNetworkProbe({ limitMs: 10_000 });
  const seen = await probe.look({ ...nothing, dns: ['localhost', 'nowhere.invalid'] }, never);
  expect(seen).toEqual({ dns: { asked: 2, answered: 1 } });
});

const head =
  'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n' +
  'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n';
const defaultRoute = (name: string, flags = '0003'): string =>
  `${name}\t00000000\t010200C0\t${flags}\t0\t0\t0\t00000000\t0\t0\t0\n`;
const zeros = '0'.repeat(32);
const defaultRouteV6 = (name: string, flags = '00000003'): string =>
  `${zeros} 00 ${zeros} 00 fd${'0'.repeat(29)}1 00000400 00000003 00000000 ${flags} ${name.padStart(8)}\n`;
const rejectV6 = defaultRouteV6('lo', '00200200');

test('a default route that is lost means that the network is down, one that never was means nothing', async () => {
  const files = temporaryTree({ 'proc/net/route': head, 'proc/net/ipv6_route': rejectV6 });
  const probe = createNetworkProbe({ files });
  expect(await probe.look(gatewayOnly, never)).toEqual({});
  writeInto(files, 'proc/net/route', head + defaultRoute('eth0'));
  expect(await probe.look(gatewayOnly, never)).toEqual({ gatewayUp: true });
  writeInto(files, 'proc/net/route', head);
  expect(await probe.look(gatewayOnly, never)).toEqual({ gatewayUp: false });
  expect(await probe.look(nothing, never)).toEqual({});
  writeInto(files, 'proc/net/ipv6_route', rejectV6 + defaultRouteV6('eth0'));
  expect(await probe.look(gatewayOnly, never)).toEqual({ gatewayUp: true });
});

test('a route that rejects everything is no default route', async () => {
  const files = temporaryTree({ 'proc/net/route': head + defaultRoute('eth0', '0201') });
  expect(await createNetworkProbe({ files }).look(gatewayOnly, never)).toEqual({});
});

test.each([
  ['up', true],
  ['unknown', true],
  ['dormant', true],
  ['down', false],
  ['lowerlayerdown', false],
])('an interface that says %s: up is %s', async (state, gatewayUp) => {
  const files = temporaryTree({
    'proc/net/route': head + defaultRoute('eth0'),
    'sys/class/net/eth0/operstate': `${state}\n`,
  });
  expect(await createNetworkProbe({ files }).look(gatewayOnly, never)).toEqual({ gatewayUp });
});

test('of several default routes one that is up suffices', async () => {
  const files = temporaryTree({
    'proc/net/route': head + defaultRoute('eth0'),
    'proc/net/ipv6_route': defaultRouteV6('wan1'),
    'sys/class/net/eth0/operstate': 'down\n',
    'sys/class/net/wan1/operstate': 'up\n',
  });
  const probe = createNetworkProbe({ files });
  expect(await probe.look(gatewayOnly, never)).toEqual({ gatewayUp: true });
  writeInto(files, 'sys/class/net/wan1/operstate', 'lowerlayerdown\n');
  expect(await probe.look(gatewayOnly, never)).toEqual({ gatewayUp: false });
});

test('without route tables there is no opinion', async () => {
  expect(await createNetworkProbe({ files: temporaryTree({}) }).look(gatewayOnly, never)).toEqual({});
});
