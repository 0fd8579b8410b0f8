/** Looks at the disk in the middle of synchronous work with SQLite: what is there is what a kill at that call would leave. */
import Database from 'better-sqlite3';

const names = ['exec', 'pragma', 'run', 'get', 'all'] as const;
type Method = (this: unknown, ...args: unknown[]) => unknown;

/** `look` is called once, before the call of that number; false when the work was over sooner. */
export function lookBeforeCall(number: number, look: () => void, work: () => void): boolean {
  let calls = 0;
  const restore = prototypes().flatMap((prototype) =>
    names.flatMap((name) => {
      const method = prototype[name];
      if (method === undefined) return [];
      prototype[name] = function (...args) {
        calls += 1;
        if (calls === number) look();
        return Reflect.apply(method, this, args);
      };
      return () => {
        prototype[name] = method;
      };
    }),
  );
  try {
    work();
  } finally {
    for (const each of restore) each();
  }
  return calls >= number;
}

function prototypes(): Partial<Record<string, Method>>[] {
  const db = new Database(':memory:');
  try {
    return [Database.prototype, Object.getPrototypeOf(db.prepare('SELECT 1'))] as never;
  } finally {
    db.close();
  }
}
