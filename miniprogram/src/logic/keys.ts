// Keys that nobody else has: for the Idempotency-Key header. They are no secret.

/** A random UUID (version 4); `byte` gives a number from 0 to 255. */
export function uuid(byte: () => number = () => Math.floor(Math.random() * 256)): string {
  const bytes = Array.from({ length: 16 }, byte);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.map((value) => value.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
