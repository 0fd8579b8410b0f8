/**
 * The `ping` check: echo replies of an address, asked with the `ping` of wherever the check runs. Owns the
 * reading of its summary. When the asking machine cannot ask (no name, no route, no permission), that is
 * UNKNOWN and no verdict about the other side.
 */
import type { CheckPlan } from '../core/ports.ts';
import { quoteShell } from '../core/shell-quote.ts';
import {
  type Exited,
  lastLine,
  limitWords,
  perf,
  resultFromRun,
  round,
  stateOfTime,
  timeWords,
  type Verdict,
} from './verdict.ts';

interface PingProbe {
  count: number;
  warnMs?: number;
  critMs?: number;
  lossPercent: number;
}

/** The shortest interval that ping grants everybody (iputils ping(8), `-i`). */
const intervalMs = 200;

export function planPing(probe: PingProbe, address: string, timeoutMs: number): CheckPlan {
  // What is left of the time limit after the last request is the patience for its reply, at most 5 s.
  const restMs = timeoutMs - probe.count * intervalMs - 1000;
  const waitSec = Math.max(1, Math.min(5, Math.floor(restMs / 1000)));
  return {
    kind: 'command',
    script: `export LC_ALL=C\nping -n -q -c ${probe.count} -i ${intervalMs / 1000} -W ${waitSec} -- ${quoteShell(address)}`,
    read: (outcome) => resultFromRun(readPing(probe, address, outcome), outcome),
  };
}

function readPing(probe: PingProbe, address: string, outcome: Exited): Verdict {
  const summary = /(\d+) packets transmitted, (\d+) (?:packets )?received.*?([\d.]+)% packet loss/s.exec(
    outcome.stdout,
  );
  if (summary === null || Number(summary[1]) === 0) {
    const cause =
      lastLine(outcome.stderr) || lastLine(outcome.stdout) || `ping ended with ${outcome.exitCode}`;
    const hint = outcome.exitCode === 127 ? 'ping is not installed where this check runs' : cause;
    return { state: 'unknown', text: `${address}: ${hint}` };
  }
  const lossPercent = Number(summary[3]);
  // `min/avg/max` of iputils, busybox and BSD.
  const rtt = /min\/avg\/max\S* = [\d.]+\/([\d.]+)\//.exec(outcome.stdout)?.[1];
  const averageMs = rtt === undefined ? undefined : Number(rtt);
  const lossy = lossPercent > 0 && lossPercent >= probe.lossPercent;
  const timeState = averageMs === undefined ? 'ok' : stateOfTime(averageMs, probe);
  const rttWords =
    averageMs === undefined ? '' : `, average ${timeWords(averageMs)}${limitWords(timeState, probe)}`;
  const replies = `${summary[2]} of ${summary[1]} replies`;
  return {
    state: lossy ? 'critical' : timeState,
    text: `${address} ${replies}${lossPercent > 0 ? `, ${round(lossPercent, 1)}% lost` : ''}${rttWords}`,
    perfdata: [
      ...(averageMs === undefined
        ? []
        : [
            perf('rta', averageMs, 'ms', {
              ...(probe.warnMs === undefined ? {} : { warn: probe.warnMs }),
              ...(probe.critMs === undefined ? {} : { crit: probe.critMs }),
              min: 0,
            }),
          ]),
      perf('pl', lossPercent, '%', { crit: probe.lossPercent, min: 0, max: 100 }),
    ],
  };
}
