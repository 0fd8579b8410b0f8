import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DueQueue } from '../../daemon/due-queue.ts';

const key = fc.constantFrom(...'abcdefghijkl'.split(''));
const step = fc.oneof(
  fc.record({ do: fc.constant('set' as const), key, ms: fc.integer({ min: 0, max: 50 }) }),
  fc.record({ do: fc.constant('delete' as const), key }),
  fc.record({ do: fc.constant('take' as const), ms: fc.integer({ min: 0, max: 50 }) }),
);

test('takes what a sorted list would take, after any sets, moves and deletes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new DueQueue();
      const model = new Map<string, number>();
      for (const each of steps) {
        const firstMs = Math.min(...model.values());
        if (each.do === 'set') {
          queue.set(each.key, each.ms);
          model.set(each.key, each.ms);
        } else if (each.do === 'delete') {
          queue.delete(each.key);
          model.delete(each.key);
        } else {
          const taken = queue.take(each.ms);
          if (firstMs > each.ms) expect(taken).toBeUndefined();
          else {
            expect(model.get(taken ?? '')).toBe(firstMs);
            model.delete(taken ?? '');
          }
        }
        expect(queue.size).toBe(model.size);
        expect(queue.nextDueMs()).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
        for (const [name, ms] of model) expect(queue.dueOf(name)).toBe(ms);
      }
    }),
  );
});
