/**
 * The `http` check asked from a target, with curl or GNU wget. Owns the shell text and its reading; the
 * judgement is that of checks/http.ts.
 */
import type { CheckPlan } from '../core/ports.ts';
import { quoteShell } from '../core/shell-quote.ts';
import { bodyLimitBytes, type HttpProbe, judgeHttp, requestWords } from './http.ts';
import { innerLimitSec, ownFaultWords, readShellTime } from './tcp.ts';
import { type Exited, lastLine, resultFromRun, type Verdict } from './verdict.ts';

/**
 * Prints `answer STATUS SECONDS` (curl) or `time FROM TO` (wget, whose headers come on stderr), `exit CODE`,
 * and `found COUNT` when `contains` was asked for.
 */
export function planHttpCommand(probe: HttpProbe, timeoutMs: number): CheckPlan {
  const limitSec = innerLimitSec(timeoutMs);
  const url = quoteShell(probe.url);
  const body = probe.contains === undefined ? '/dev/null' : '/dev/fd/3';
  const head = probe.method === 'HEAD';
  const curl =
    `curl -q -g -sS -o ${body} --max-time ${limitSec} -A mendd${head ? ' -I' : ''} ` +
    `-w 'answer %{http_code} %{time_total}\\n' --url ${url}; echo "exit $?"`;
  const wget =
    `from=$(date +%s%N); wget --no-config -nv -S -O ${body} --max-redirect=0 --tries=1 --content-on-error ` +
    `--timeout=${limitSec} -U mendd${head ? ' --method=HEAD' : ''} -- ${url}; echo "exit $?"; ` +
    'echo "time $from $(date +%s%N)"';
  return {
    kind: 'command',
    script: [
      'export LC_ALL=C',
      'if command -v curl >/dev/null 2>&1; then',
      `  ${searched(curl, probe.contains)}`,
      'elif command -v wget >/dev/null 2>&1; then',
      `  ${searched(wget, probe.contains)}`,
      'else',
      `  echo 'there is no curl or wget to ask with' >&2`,
      'fi',
      'exit 0',
    ].join('\n'),
    read: (outcome) => resultFromRun(readHttp(probe, outcome), outcome),
  };
}

/** The body goes through descriptor 3 into grep, so that it never leaves the target. */
function searched(ask: string, contains: string | undefined): string {
  if (contains === undefined) return ask;
  const count = `head -c ${bodyLimitBytes} | grep -c -F -e ${quoteShell(contains)}`;
  return `{ { ${ask}; } 3>&1 >&4 4>&- | echo "found $(${count})"; } 4>&1`;
}

/** Exit codes that leave the answer whole: done; body cut at our limit (23 curl, 3 wget); wget's word for 3xx-5xx (8). */
const wholeAnswer = new Set(['0', '23', '3', '8']);

/** Both tools bury the cause under advice. */
function saidBy(stderr: string): string {
  const cause = /^curl: \(\d+\) (.*)$/m.exec(stderr)?.[1] ?? /^ERROR: (.*)$/m.exec(stderr)?.[1];
  return cause?.slice(0, 200) ?? lastLine(stderr).replace(/^wget: /, '');
}

function readHttp(probe: HttpProbe, outcome: Exited): Verdict {
  const { stdout, stderr } = outcome;
  const curl = /^answer (\d{3}) ([\d.]+)$/m.exec(stdout);
  const headers = [...stderr.matchAll(/^\s*HTTP\/[\d.]+ (\d{3})/gm)];
  const status = Number(curl?.[1] ?? headers.at(-1)?.[1] ?? 0);
  const exit = /^exit (\d+)$/m.exec(stdout)?.[1] ?? '';
  const said = saidBy(stderr);
  const where = requestWords(probe);
  if (status === 0) {
    const ownFault = exit === '' || Number(exit) >= 126 || ownFaultWords.test(stderr);
    return { state: ownFault ? 'unknown' : 'critical', text: `${where} ${said || 'no answer'}` };
  }
  if (!wholeAnswer.has(exit)) {
    return { state: 'critical', text: `${where} ${status}, but no complete answer${said && `: ${said}`}` };
  }
  const tookMs = curl === null ? readShellTime(stdout) : Number(curl[2]) * 1000;
  const found = /^found (\d+)$/m.exec(stdout)?.[1];
  // A body that was cut, or could not be handed to grep at all, cannot be said to lack anything.
  const searchedAll = exit === '0' || exit === '8';
  if (probe.contains !== undefined && (found === undefined || (found === '0' && !searchedAll))) {
    return { state: 'unknown', text: `${where} ${status}, but its body could not be searched to its end` };
  }
  return judgeHttp(probe, {
    status,
    ...(found === undefined ? {} : { found: Number(found) > 0 }),
    ...(tookMs === undefined ? {} : { tookMs }),
  });
}
