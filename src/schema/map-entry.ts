/**
 * Sets a key of a map value. A key called `__proto__` becomes an ordinary entry instead of the object's prototype:
 * keys come from the wire.
 */
export function setEntry(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    map[key] = value;
  }
}
