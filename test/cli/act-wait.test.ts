/** `mendd act --wait` on a run of which it stays unknown what became: in this process, for its minute of patience is played. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { cliAgainstApi } from '../support/cli-api.ts';
import { runOf } from '../support/fake-views.ts';

const cli = cliAgainstApi();

beforeEach(() => {
  vi.stubEnv('MENDD_API', cli.url);
  vi.stubEnv('MENDD_TOKEN', 'secret-act');
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test('it is followed for a minute, then left with 75 and what to do', async () => {
  const id = 'web-1~app.restart~abc~2';
  cli.daemon.runList = [runOf(id, { status: 'unknown' })];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const words = ['act', 'web-1', 'restart', '--yes', '--reason', 'drill', '--wait'];
  const ended: unknown[] = [];
  void createProgram()
    .parseAsync(words, { from: 'user' })
    .catch((error: unknown) => ended.push(error));
  let playedMs = 0;
  // Between two looks an answer comes over a real socket, which takes its turns.
  while (ended.length === 0 && playedMs < 300_000) {
    await vi.advanceTimersByTimeAsync(500);
    playedMs += 500;
    for (let turn = 0; turn < 50; turn += 1) await new Promise((done) => setImmediate(done));
  }
  expect(ended[0]).toMatchObject({
    exitCode: 75,
    message: expect.stringContaining('not known what became'),
    hint: expect.stringContaining(`mendd cancel '${id}'`),
  });
  expect(playedMs).toBeGreaterThan(60_000);
});
