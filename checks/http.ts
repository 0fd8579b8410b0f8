/**
 * The `http` check: status, words in the body and response time of a URL. Owns the judgement and the probe from
 * the ops box; checks/http-command.ts asks from a target. Redirects are an answer, never followed.
 */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { CheckPlan } from '../core/ports.ts';
import { describeNetworkFailure } from './network-failure.ts';
import { type ProbeClock, timedProbe } from './probe.ts';
import { limitWords, stateOfTime, type TimeLimits, timePerf, timeWords, type Verdict } from './verdict.ts';

export interface HttpProbe extends TimeLimits {
  url: string;
  method: 'GET' | 'HEAD';
  status?: readonly number[];
  contains?: string;
}

/** Bytes of a body that are read; `contains` is looked for in these. */
export const bodyLimitBytes = 1_048_576;

export interface HttpAnswer {
  status: number;
  /** Whether `contains` was found; undefined when nobody asked. */
  found?: boolean;
  tookMs?: number;
}

export function planHttpProbe(probe: HttpProbe, clock: ProbeClock): CheckPlan {
  return timedProbe(clock, async (limits) => {
    const outcome = await askOnce(probe, limits.signal);
    if (!(outcome instanceof Error)) {
      return judgeHttp(probe, { ...outcome, tookMs: limits.elapsedMs() });
    }
    const where = requestWords(probe);
    if (limits.expired()) {
      return { state: 'critical', text: `${where} no complete answer in ${limits.words}` };
    }
    const { words, ownFault } = describeNetworkFailure(outcome);
    return { state: ownFault ? 'unknown' : 'critical', text: `${where} ${words}` };
  });
}

function askOnce(probe: HttpProbe, signal: AbortSignal): Promise<HttpAnswer | Error> {
  const request = probe.url.startsWith('https:') ? requestHttps : requestHttp;
  return new Promise((resolve) => {
    const sent = request(probe.url, {
      method: probe.method,
      signal,
      // A connection of its own: a reused one would hide that no new one can be made.
      agent: false,
      headers: { 'user-agent': 'mendd', accept: '*/*', connection: 'close' },
      // Not to be switched off through NODE_TLS_REJECT_UNAUTHORIZED.
      rejectUnauthorized: true,
    });
    sent.on('error', resolve);
    sent.on('response', (response) => {
      readBody(response, probe.contains).then(
        (found) => resolve({ status: response.statusCode ?? 0, ...(found === undefined ? {} : { found }) }),
        resolve,
      );
    });
    sent.end();
  });
}

/** Reads to the end or to the limit. Bytes are compared, so the charset of the page does not matter to ASCII. */
async function readBody(response: IncomingMessage, contains?: string): Promise<boolean | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (contains !== undefined) chunks.push(chunk);
    if (bytes >= bodyLimitBytes) break;
  }
  if (contains === undefined) return undefined;
  return Buffer.concat(chunks).subarray(0, bodyLimitBytes).includes(contains);
}

export function judgeHttp(probe: HttpProbe, answer: HttpAnswer): Verdict {
  const { status, tookMs } = answer;
  const time = tookMs === undefined ? '' : ` in ${timeWords(tookMs)}`;
  const words = `${requestWords(probe)} ${status}${time}`;
  const perfdata = timePerf(tookMs, probe);
  const accepted = probe.status?.includes(status) ?? (status >= 200 && status <= 399);
  if (!accepted) {
    return {
      state: 'critical',
      text: `${words}, expected ${probe.status?.join(' ') ?? '200-399'}`,
      perfdata,
    };
  }
  if (answer.found === false) {
    return { state: 'critical', text: `${words}, but its body lacks "${probe.contains}"`, perfdata };
  }
  const state = stateOfTime(tookMs, probe);
  const doubt = state === 'unknown' ? ', but this host cannot measure the response time' : '';
  return { state, text: `${words}${limitWords(state, probe)}${doubt}`, perfdata };
}

/** Method and URL without user, password and query, where tokens hide. */
export function requestWords(probe: HttpProbe): string {
  const url = new URL(probe.url);
  return `${probe.method} ${url.origin}${url.pathname}`;
}
