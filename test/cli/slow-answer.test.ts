/** How long a command waits for one answer: most for seconds, what may take the daemon minutes for minutes. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { startHttpServer } from '../support/http-server.ts';

/** Passes while the daemon is at its answer. */
const takesMs = 120_000;

/** A daemon that needs so long for each answer, and the time that the client goes by. */
async function slowDaemon(answer: object): Promise<string> {
  const limits: { ms: number; end: AbortController }[] = [];
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    const end = new AbortController();
    limits.push({ ms, end });
    return end.signal;
  });
  const daemon = await startHttpServer((_request, response) => {
    for (const { ms, end } of limits)
      if (ms <= takesMs) end.abort(new DOMException('The time is up.', 'TimeoutError'));
    response.end(JSON.stringify(answer));
  });
  onTestFinished(async () => {
    vi.restoreAllMocks();
    await daemon.close();
  });
  return daemon.url;
}

function ask(...args: string[]): Promise<unknown> {
  return createProgram().parseAsync(['node', 'mendd', ...args]);
}

test('a walk through the whole audit is waited for, a page of it is not', async () => {
  const head = { seq: 3, hash: 'b'.repeat(64) };
  const at = await slowDaemon({ ok: true, entries: 3, firstSeq: 1, head });
  const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await ask('audit', 'verify', '--api', at);
  expect(written).toHaveBeenCalledWith(expect.stringContaining('whole: 3 entries from 1'));
  await expect(ask('audit', 'list', '--api', at)).rejects.toMatchObject({
    code: 'DAEMON_UNREACHABLE',
    message: expect.stringContaining('it did not answer in time'),
  });
});
