/**
 * Owns one HTTP request to a receiver of ours: one connection, no redirect, no retry, the beginning of the answer. Where it
 * may not reach private addresses, the address that was judged is the one that is connected to.
 */
import { lookup as resolveName } from 'node:dns';
import { type ClientRequestArgs, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';

export interface HttpAnswer {
  status: number;
  retryAfter?: string;
  /** Its first bytes; whatever a stranger writes. */
  text: string;
}

export interface HttpOptions {
  method: 'POST' | 'PUT';
  headers: Readonly<Record<string, string>>;
  body: string;
  /** Ends the request, whatever it does. */
  signal: AbortSignal;
  /** False: refuse addresses that do not belong to the public internet. */
  allowPrivate: boolean;
}

/** Of an answer. */
const answerBytes = 2048;
/** Once the status is known, the rest is worth no more waiting. Milliseconds. */
const answerWaitMs = 1000;

/** Code of the error when `allowPrivate` forbids all addresses of a host. */
export const privateAddress = 'PRIVATE_ADDRESS';

/** Rejects with an error whose `code` says why; its message may hold the address. */
export function requestOnce(url: URL, options: HttpOptions): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (!options.allowPrivate && isIP(host) !== 0 && isPrivate(host)) {
      reject(refusal());
      return;
    }
    const bytes = Buffer.from(options.body);
    const args: ClientRequestArgs = {
      method: options.method,
      headers: { ...options.headers, 'content-length': bytes.length },
      agent: false,
      signal: options.signal,
      ...(options.allowPrivate ? {} : { lookup: lookupPublic }),
    };
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, args, (response) => {
      readBeginning(response, (text) => {
        const { statusCode = 0, headers } = response;
        const retryAfter = headers['retry-after'];
        resolve({ status: statusCode, text, ...(retryAfter === undefined ? {} : { retryAfter }) });
        request.destroy();
      });
    });
    // Errors behind the answer, such as the end of the connection, change nothing.
    request.on('error', reject);
    request.end(bytes);
  });
}

function readBeginning(response: IncomingMessage, done: (text: string) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  const finish = (): void => {
    clearTimeout(timer);
    done(Buffer.concat(chunks).subarray(0, answerBytes).toString());
  };
  const timer = setTimeout(finish, answerWaitMs);
  response.on('data', (chunk: Buffer) => {
    if (size < answerBytes) chunks.push(chunk);
    size += chunk.length;
    if (size >= answerBytes) finish();
  });
  response.once('close', finish);
  response.on('error', finish);
}

const lookupPublic: LookupFunction = (host, options, done) => {
  resolveName(host, { ...options, all: true }, (error, found) => {
    const open = (found ?? []).filter(({ address }) => !isPrivate(address));
    const [first] = open;
    if (error !== null || first === undefined) done(error ?? refusal(), '', 0);
    else if (options.all === true) done(null, open);
    else done(null, first.address, first.family);
  });
};

function refusal(): NodeJS.ErrnoException {
  return Object.assign(new Error('the address is private'), { code: privateAddress });
}

/** What IANA's registries of special-purpose addresses set apart from the internet, and what can lead back to it. */
const ranges: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

/** IPv4 addresses that are mapped into IPv6 are judged as IPv4. */
const privateRanges = new BlockList();
for (const [network, prefix] of ranges) {
  privateRanges.addSubnet(network, prefix, network.includes(':') ? 'ipv6' : 'ipv4');
}

export function isPrivate(address: string): boolean {
  return privateRanges.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}
