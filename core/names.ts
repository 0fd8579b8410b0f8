/** What a short name of a check or an action stands for: `running` for `worker.running`. It knows no host and no request. */

/** `wanted` itself when it is known, otherwise every known name that ends in `.wanted`. */
export function fullNames(wanted: string, known: readonly string[]): string[] {
  return known.includes(wanted) ? [wanted] : known.filter((name) => name.endsWith(`.${wanted}`));
}
