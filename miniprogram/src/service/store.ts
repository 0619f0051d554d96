// What is kept on the phone: small JSON values under "daka.…". Reading what cannot be read gives null; a full storage throws.

const PREFIX = "daka.";

export function load<T>(name: string): T | null {
  const text = uni.getStorageSync(PREFIX + name);
  if (typeof text !== "string" || !text) return null;
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}

export const save = (name: string, value: unknown): void => uni.setStorageSync(PREFIX + name, JSON.stringify(value));

export const drop = (name: string): void => uni.removeStorageSync(PREFIX + name);

/** The names in use that begin so. */
export function names(beginning: string): string[] {
  const { keys } = uni.getStorageInfoSync();
  return keys.filter((key) => key.startsWith(PREFIX + beginning)).map((key) => key.slice(PREFIX.length));
}
