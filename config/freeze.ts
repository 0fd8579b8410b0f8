/** Owns making definitions unchangeable, so that everyone can share them. */

/** Freezes plain data, lists and maps in place, all the way down. Other objects (secrets) keep their own guard. */
export function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map) {
    for (const each of value.values()) freezeDeep(each);
    Object.defineProperties(value, {
      set: { value: refuse },
      delete: { value: refuse },
      clear: { value: refuse },
    });
    return Object.freeze(value);
  }
  Object.freeze(value);
  for (const each of Object.values(value)) freezeDeep(each);
  return value;
}

function refuse(): never {
  throw new TypeError('definitions cannot be changed; load new ones');
}
