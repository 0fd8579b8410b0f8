// Loaded into the measured daemon with `--import`: answers what only the process itself can tell. Costs a timer of 10 ms while
// the loop's delay is watched, and nothing otherwise.
import { Session } from 'node:inspector';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolutionMs = 10;
const delay = monitorEventLoopDelay({ resolution: resolutionMs });
const session = new Session();
const post = (method, params) =>
  new Promise((resolve, reject) => {
    session.post(method, params, (error, answer) => (error ? reject(error) : resolve(answer)));
  });

const beyond = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - resolutionMs);

const orders = {
  /** Forgets the delays so far and watches from now on. */
  async watch() {
    delay.reset();
    delay.enable();
  },
  /** The loop's delays since `watch`, in milliseconds beyond the resolution, and no more watching. */
  async delays() {
    delay.disable();
    return {
      p50Ms: beyond(delay.percentile(50)),
      p99Ms: beyond(delay.percentile(99)),
      maxMs: beyond(delay.max),
    };
  },
  /** Simulated hosts only: forgets when commands ran. */
  async forget() {
    globalThis.menddRuns.clear();
  },
  /** Simulated hosts only: how many commands there are, and the times between two runs of one since `forget`. Milliseconds. */
  async gaps() {
    const gaps = [...globalThis.menddRuns.values()].flatMap((times) =>
      times.slice(1).map((atMs, index) => atMs - times[index]),
    );
    const [shortestMs, longestMs] = gaps.reduce(
      ([least, most], gap) => [Math.min(least, gap), Math.max(most, gap)],
      [Number.POSITIVE_INFINITY, 0],
    );
    return { commands: globalThis.menddRuns.size, runs: gaps.length, shortestMs, longestMs };
  },
  /** Memory in bytes after what is garbage was collected. */
  async memory() {
    globalThis.gc();
    globalThis.gc();
    return process.memoryUsage();
  },
  async profile() {
    session.connect();
    await post('Profiler.enable');
    await post('Profiler.setSamplingInterval', { interval: 500 });
    await post('Profiler.start');
  },
  /** The CPU profile since `profile`, as the inspector protocol has it. */
  async profiled() {
    const { profile } = await post('Profiler.stop');
    session.disconnect();
    return profile;
  },
};

async function obey(order) {
  process.send((await orders[order]()) ?? {});
}

process.on('message', (order) => void obey(order));
process.channel?.unref();
