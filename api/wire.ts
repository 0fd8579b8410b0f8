/**
 * Turns the plain data of core/ into its wire form: instants become RFC 3339 UTC strings and lose the `Ms` of
 * their name (`sinceMs` -> `since`), null where nothing happened yet; durations keep their unit and are whole. It knows
 * nothing of HTTP.
 */

/** Names that hold an instant. Every other `...Ms` is a duration. */
const instantNames = [
  'atMs',
  'sinceMs',
  'belowSinceMs',
  'untilMs',
  'earliestMs',
  'notAfterMs',
  'problemSinceMs',
  'verifyByMs',
  'verifyOkSinceMs',
  'neededFromMs',
] as const;

type InstantName = (typeof instantNames)[number] | `${string}AtMs`;

const instants: ReadonlySet<string> = new Set(instantNames);

type WireName<K> = K extends InstantName ? (K extends `${infer Stem}Ms` ? Stem : K) : K;

/** The wire form of T; see the head of this file. */
export type Wire<T> = T extends readonly (infer Item)[]
  ? Wire<Item>[]
  : T extends object
    ? { [K in keyof T as WireName<K>]: K extends InstantName ? Exclude<T[K], number> | string : Wire<T[K]> }
    : T;

/** `1767225600000` -> `2026-01-01T00:00:00.000Z`. Units: milliseconds since the epoch. Source: RFC 3339. */
export function instant(ms: number): string {
  return new Date(ms).toISOString();
}

function isInstant(name: string): boolean {
  return instants.has(name) || name.endsWith('AtMs');
}

function convert(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(convert);
  // A plugin may report 1e999; JSON has no infinity, and one such figure must not spoil a whole answer.
  if (typeof value === 'number' && !Number.isFinite(value)) return null;
  if (typeof value !== 'object' || value === null) return value;
  const converted: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    if (typeof item !== 'number' || !name.endsWith('Ms')) converted[name] = convert(item);
    else if (isInstant(name)) converted[name.slice(0, -2)] = item === 0 ? null : instant(item);
    else converted[name] = convert(Math.round(item));
  }
  return converted;
}

export function toWire<T>(value: T): Wire<T> {
  return convert(value) as Wire<T>;
}
