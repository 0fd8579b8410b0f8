/** Results that others tell of passive checks, as JSON or as send_nsca writes them. What becomes of them is the daemon's. */
import type { z } from 'zod';
import type { ToldAnswer, ToldResult } from '../../core/told-port.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { unlessRejected, wrongBody } from '../problems.ts';
import { DryQuery } from '../queries.ts';
import { ResultsBody, ResultsTold, toldLimit } from '../told-shapes.ts';

export const toldBytes = 1_048_576;
/** ETB: what newer senders end a block with. */
const endOfBlock = String.fromCharCode(0x17);

type Line = { told: ToldResult } | { unreadable: string };

export function resultRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  // In a scope of its own: no other route takes text.
  app.register(async (scope: ApiServer) => {
    scope.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) =>
      done(null, body),
    );
    scope.route({
      method: 'POST',
      url: '/api/v1/results',
      bodyLimit: toldBytes,
      config: { scope: 'submit' },
      schema: {
        ...describe('state', 'submitResults', 'Tell results of passive checks', ResultsTold),
        consumes: ['application/json', 'text/plain'],
        querystring: DryQuery,
        body: ResultsBody,
      },
      handler: async ({ body, query }) => {
        const { text, results = [] } = body;
        const lines = text === undefined ? results.map(told) : linesOf(text);
        const readable = lines.flatMap((line) => ('told' in line ? [line.told] : []));
        const answers = unlessRejected(await daemon.told.submit(readable, query.dry_run === true));
        const items = lines.map((line) => ('told' in line ? answers.shift() : unreadable(line.unreadable)));
        const known = items.flatMap((item) => item ?? []);
        const accepted = known.filter((item) => item.accepted).length;
        return { accepted, refused: known.length - accepted, items: known };
      },
    });
  });
}

function unreadable(problem: string): Omit<ToldAnswer, 'code'> & { code: 'unreadable' } {
  return { host: '', check: '', accepted: false, code: 'unreadable', problem };
}

type Written = NonNullable<z.output<typeof ResultsBody>['results']>[number];

function told({ host, check, state, exitCode, output, at, durationMs, ttl }: Written): Line {
  return {
    told: {
      host,
      check,
      output,
      ...(state === undefined ? {} : { state }),
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(at === undefined ? {} : { atMs: at }),
      ...(durationMs === undefined ? {} : { durationMs }),
      ...(ttl === undefined ? {} : { ttlMs: ttl }),
    },
  };
}

/** How a result begins. */
const beginning = /^[^\t]+\t[^\t]+\t\d{1,3}\t/;

/**
 * `host<TAB>check<TAB>code<TAB>output`, one a line, or as newer senders do in blocks that end with ETB, where further lines are output as
 * well; `\n` within the output is a new line. Source: send_nsca(1), and what 2.10.2 makes of it. `[seconds since 1970] ` may stand
 * before the host, as nsca writes it for Nagios.
 */
function linesOf(body: string): Line[] {
  const lines = body
    .split(endOfBlock)
    .flatMap((block) => (body.includes(endOfBlock) ? blockLines(block) : block.split(/\r?\n/)))
    .filter((line) => line.trim() !== '');
  if (lines.length > toldLimit) throw wrongBody('#', `must be ${toldLimit} lines or less`);
  if (lines.length === 0) throw wrongBody('#', 'must have at least one line');
  return lines.map((line, index) => {
    const [, seconds, rest = ''] = /^(?:\[(\d{1,11})\] )?(.*)$/s.exec(line) ?? [];
    const [host = '', check = '', code = '', ...output] = rest.split('\t');
    const where = `line ${index + 1}`;
    if (output.length === 0)
      return {
        unreadable: `${where} is not \`host<TAB>check<TAB>exit code<TAB>output\`; a host itself has no result`,
      };
    if (!/^\d{1,3}$/.test(code) || Number(code) > 255)
      return { unreadable: `${where}: \`${code.slice(0, 20)}\` is no exit code` };
    const text = output.join('\t').replaceAll(String.raw`\n`, '\n');
    const at = seconds === undefined ? {} : { atMs: Number(seconds) * 1_000 };
    return { told: { host: host.trim(), check: check.trim(), exitCode: Number(code), output: text, ...at } };
  });
}

/** A line that is no result belongs to the output before it. */
function blockLines(block: string): string[] {
  const found: string[] = [];
  for (const line of block.trim().split(/\r?\n/)) {
    const before = found.at(-1);
    if (before === undefined || beginning.test(line)) found.push(line);
    else found[found.length - 1] = `${before}\n${line}`;
  }
  return found;
}
