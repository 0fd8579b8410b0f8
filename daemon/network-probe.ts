/**
 * Looks at the ops box's own network: default route, canaries, names. Owns the sockets and files of one look; judges nothing.
 */

import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { setMaxListeners } from 'node:events';
import { createReadStream } from 'node:fs';
import { connect, type LookupFunction } from 'node:net';
import { join } from 'node:path';
import { callbackify } from 'node:util';
import type { SelfDoubtRule } from '../core/remediation-config.ts';
import type { OwnCondition } from '../core/self-doubt.ts';

export interface NetworkProbe {
  /** Never rejects; ends early when the signal says so, and then what was not answered yet counts as not answered. */
  look(rule: SelfDoubtRule, signal: AbortSignal): Promise<OwnCondition>;
}

export interface NetworkProbeOptions {
  /** Root of `proc` and `sys`. Default `/`. */
  files?: string;
  /** For one canary or one name. Default 3,000. Milliseconds. */
  limitMs?: number;
}

/** Of a route table; the default route stands near its beginning, a full internet table behind it is of no interest. Bytes. */
const routeTableLimit = 1_048_576;

/** Flags of a route in both tables (linux/route.h). */
const isUpFlag = 0x1;
const isRejectFlag = 0x200;

export function createNetworkProbe({ files = '/', limitMs = 3_000 }: NetworkProbeOptions = {}): NetworkProbe {
  /** A box that never had a default route does not lack one. */
  let hadRoute = false;
  const resolve = createResolver();

  async function gatewayUp(signal: AbortSignal): Promise<boolean | undefined> {
    const tables = await Promise.all([
      readTable(join(files, 'proc/net/route'), signal),
      readTable(join(files, 'proc/net/ipv6_route'), signal),
    ]);
    // Neither table can be read: not Linux, or no /proc. That is not a route that was lost.
    if (tables.every((table) => table === undefined)) return undefined;
    const [v4 = '', v6 = ''] = tables;
    const interfaces = [...new Set([...defaultInterfacesV4(v4), ...defaultInterfacesV6(v6)])];
    hadRoute ||= interfaces.length > 0;
    if (!hadRoute) return undefined;
    const up = await Promise.all(interfaces.map((name) => isInterfaceUp(files, name, signal)));
    return up.includes(true);
  }

  return {
    async look(rule, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
      // One listener for each question, and each question is bounded by the rule.
      setMaxListeners(0, limit);
      const [gateway, canaries, names] = await Promise.all([
        rule.gateway ? gatewayUp(signal) : undefined,
        Promise.all(rule.canaries.map((canary) => isAnswering(canary, resolve, limit))),
        Promise.all(rule.dns.map((name) => isResolving(name, resolve, limit))),
      ]);
      return {
        ...(gateway === undefined ? {} : { gatewayUp: gateway }),
        ...(canaries.length === 0 ? {} : { canaries: count(canaries) }),
        ...(names.length === 0 ? {} : { dns: count(names) }),
      };
    },
  };
}

function count(answers: readonly boolean[]): { asked: number; answered: number } {
  return { asked: answers.length, answered: answers.filter(Boolean).length };
}

type Resolve = (name: string) => Promise<LookupAddress[]>;

/** The system's resolver cannot be cancelled and has few threads: a question still under way is joined, never asked again. */
function createResolver(): Resolve {
  const underWay = new Map<string, Promise<LookupAddress[]>>();
  return (name) => {
    const known = underWay.get(name);
    if (known !== undefined) return known;
    const asked = lookup(name, { all: true }).finally(() => underWay.delete(name));
    underWay.set(name, asked);
    return asked;
  };
}

async function isResolving(name: string, resolve: Resolve, limit: AbortSignal): Promise<boolean> {
  if (limit.aborted) return false;
  const gaveUp = new Promise<false>((done) => {
    limit.addEventListener('abort', () => done(false), { once: true });
  });
  const resolved = resolve(name).then(
    (addresses) => addresses.length > 0,
    () => false,
  );
  return Promise.race([gaveUp, resolved]);
}

/** A refusal is an answer too: something at the other end of the network sent it. */
function isAnswering(
  { host, port }: { host: string; port: number },
  resolve: Resolve,
  limit: AbortSignal,
): Promise<boolean> {
  const resolveThen = callbackify(resolve);
  const lookupShared: LookupFunction = (name, { all }, callback) => {
    resolveThen(name, (error, addresses) => {
      const first = addresses?.[0];
      if (first === undefined) callback(error, []);
      else if (all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
  return new Promise((done) => {
    if (limit.aborted) return done(false);
    const socket = connect({ host, port, lookup: lookupShared });
    const end = (answered: boolean): void => {
      limit.removeEventListener('abort', giveUp);
      socket.destroy();
      done(answered);
    };
    const giveUp = (): void => end(false);
    limit.addEventListener('abort', giveUp, { once: true });
    socket.on('connect', () => end(true));
    socket.on('error', (error) => end(isRefusal(error)));
  });
}

function isRefusal(error: NodeJS.ErrnoException): boolean {
  if (error instanceof AggregateError) return error.errors.some((each) => isRefusal(each));
  return error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET';
}

/** Undefined when it cannot be read. */
async function readTable(path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    let text = '';
    const stream = createReadStream(path, { encoding: 'latin1', end: routeTableLimit - 1, signal });
    for await (const chunk of stream) text += String(chunk);
    return text;
  } catch {
    // The caller tells "no table" from "no route in it"; why it cannot be read makes no difference.
    return undefined;
  }
}

function* defaultInterfacesV4(table: string): Generator<string> {
  for (const line of table.split('\n')) {
    const [name = '', destination, , flags = '', , , , mask] = line.trim().split(/\s+/);
    if (destination === '00000000' && mask === '00000000' && isUsable(name, flags)) yield name;
  }
}

function* defaultInterfacesV6(table: string): Generator<string> {
  for (const line of table.split('\n')) {
    const [destination = '', prefix, , , , , , , flags = '', name = ''] = line.trim().split(/\s+/);
    if (/^0{32}$/.test(destination) && prefix === '00' && isUsable(name, flags)) yield name;
  }
}

/** Without IPv6 the kernel lists a default route on `lo` that rejects everything. */
function isUsable(name: string, flags: string): boolean {
  const bits = Number.parseInt(flags, 16);
  return name !== 'lo' && (bits & isUpFlag) !== 0 && (bits & isRejectFlag) === 0;
}

/** Tunnels and bridges say `unknown`: only what says that it is down is down. */
async function isInterfaceUp(files: string, name: string, signal: AbortSignal): Promise<boolean> {
  const state = (await readTable(join(files, 'sys/class/net', name, 'operstate'), signal))?.trim();
  return state !== 'down' && state !== 'lowerlayerdown';
}
