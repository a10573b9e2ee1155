/** CRC-32C (Castagnoli), as record batches carry it. Four tables at once, so that a megabyte takes about a millisecond. */

const tables = makeTables()

function makeTables(): [Uint32Array, Uint32Array, Uint32Array, Uint32Array] {
  const [first, ...rest] = [new Uint32Array(256), new Uint32Array(256), new Uint32Array(256), new Uint32Array(256)]
  for (let i = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    first![i] = crc
  }
  let previous = first!
  for (const table of rest) {
    for (let i = 0; i < 256; i++) table[i] = (previous[i]! >>> 8) ^ first![previous[i]! & 0xff]!
    previous = table
  }
  return [first!, rest[0]!, rest[1]!, rest[2]!]
}

/** CRC-32C of the bytes in [start, end). */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  const [t0, t1, t2, t3] = tables
  let crc = ~0
  let i = start
  for (; i + 4 <= end; i += 4) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    crc = t3[crc & 0xff]! ^ t2[(crc >>> 8) & 0xff]! ^ t1[(crc >>> 16) & 0xff]! ^ t0[crc >>> 24]!
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]!) & 0xff]!
  return ~crc >>> 0
}
