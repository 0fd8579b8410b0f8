import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { askSrv } from '../../sources/inventory-srv.ts';

function encodeName(name: string): Buffer {
  const labels = name === '' ? [] : name.split('.');
  return Buffer.concat([
    ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
    Buffer.of(0),
  ]);
}

/** A name server that knows these targets, or answers with that code. */
async function nameServer(targets: readonly string[], code = 0): Promise<string> {
  const socket = createSocket('udp4');
  onTestFinished(() => void socket.close());
  socket.on('message', (query, { port, address }) => {
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const header = Buffer.from([
      query[0] ?? 0,
      query[1] ?? 0,
      0x81,
      0x80 | code,
      0,
      1,
      0,
      targets.length,
      0,
      0,
      0,
      0,
    ]);
    const records = targets.flatMap((target, index) => {
      const name = encodeName(target);
      const fixed = Buffer.from([
        0xc0,
        12,
        0,
        33,
        0,
        1,
        0,
        0,
        0,
        60,
        0,
        name.length + 6,
        0,
        index,
        0,
        0,
        0x23,
        0x8c,
      ]);
      return [fixed, name];
    });
    socket.send(Buffer.concat([header, question, ...records]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return `127.0.0.1:${socket.address().port}`;
}

const record = '_ssh._tcp.example.com';

test('targets are hosts, each once; their ports and priorities mean nothing', async () => {
  const servers = [await nameServer(['web-1.example.com', 'web-2.example.com', 'web-1.example.com'])];
  expect(await askSrv({ record, timeoutMs: 5_000, servers })).toEqual({
    ok: true,
    hosts: [
      { name: 'web-1.example.com', labels: {}, vars: {} },
      { name: 'web-2.example.com', labels: {}, vars: {} },
    ],
  });
});

test('a name that is not there, a refusal and silence are problems, not an empty fleet', async () => {
  const ask = async (code: number) =>
    askSrv({ record, timeoutMs: 5_000, servers: [await nameServer([], code)] });
  expect(await ask(3)).toEqual({ ok: false, problem: 'there is no such name' });
  expect(await ask(0)).toEqual({ ok: false, problem: 'the name has no SRV records' });
  expect(await ask(2)).toEqual({ ok: false, problem: 'the name server failed' });
  const silent = createSocket('udp4');
  onTestFinished(() => void silent.close());
  silent.bind(0, '127.0.0.1');
  await once(silent, 'listening');
  const servers = [`127.0.0.1:${silent.address().port}`];
  expect(await askSrv({ record, timeoutMs: 300, servers })).toMatchObject({
    ok: false,
    problem: 'no name server answers in time',
  });
});
