/** A real HTTP or HTTPS server on loopback that remembers what it was asked. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface HttpServerFixture {
  url: string;
  port: number;
  seen: SeenRequest[];
  close(): Promise<void>;
}

export type Answer = (request: SeenRequest, response: ServerResponse) => void;

export async function startHttpServer(
  answer: Answer,
  options: { tls?: boolean } = {},
): Promise<HttpServerFixture> {
  const seen: SeenRequest[] = [];
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const one = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    };
    seen.push(one);
    answer(one, response);
  };
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    listener(request, response).catch(() => response.destroy());
  };
  const server: Server = options.tls
    ? createTlsServer({ key: selfSigned.key, cert: selfSigned.cert }, handle)
    : createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** For loopback in tests only: nobody trusts it. */
export const selfSigned = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgP3es2rg4kdLcNerW
jyZr7pdCsvAO8t6mGEuNzgoZ/qmhRANCAAQNn1bzvBL7W2CwDBrFi26WE9rEIRox
QCZb7EcJNYpuO2IWWIQ7m3n1eOScX62aCcHs7EPFpd7Q43L5uXFB+OhV
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBmDCCAT6gAwIBAgIUR5PQpZHZMAgDwKb99LzFbxYnOH0wCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKbWVuZGQudGVzdDAgFw0yNjExMjEwMTU5MzNaGA8yMTI2MTAy
ODAxNTkzM1owFTETMBEGA1UEAwwKbWVuZGQudGVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABA2fVvO8EvtbYLAMGsWLbpYT2sQhGjFAJlvsRwk1im47YhZYhDub
efV45JxfrZoJwezsQ8Wl3tDjcvm5cUH46FWjajBoMB0GA1UdDgQWBBT5QRwao6g2
YMP/JGg/8KSkEJ6rbjAfBgNVHSMEGDAWgBT5QRwao6g2YMP/JGg/8KSkEJ6rbjAP
BgNVHRMBAf8EBTADAQH/MBUGA1UdEQQOMAyCCm1lbmRkLnRlc3QwCgYIKoZIzj0E
AwIDSAAwRQIgT4V9it+jQUXpCyZULUEA8SqasT5V7/mpPbCLQqSc9XoCIQDyt3Bi
c41bKdPSC7CUGVa6mZomj/F9k9tKgvSBQAeEZg==
-----END CERTIFICATE-----`,
};
