/** Owns long work in steps: done at a stretch, or with the loop free for others in between. It knows no work. */

/** For how long steps may hold the loop before others get their turn. Milliseconds. */
const sliceMs = 10;

/** Steps of work, without a pause. */
export function toEnd<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Steps of work, with the loop free for others in between. */
export async function calmly<T>(steps: Generator<void, T>): Promise<T> {
  for (;;) {
    const untilMs = performance.now() + sliceMs;
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return step.value;
      if (performance.now() >= untilMs) break;
    }
    await new Promise((done) => setImmediate(done));
  }
}
