const seed = 0x9747b28c
const m = 0x5bd1e995
const encoder = new TextEncoder()

/** 32-bit murmur2 as Kafka's clients compute it for keyed records (org.apache.kafka.common.utils.Utils.murmur2); signed. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  let hash = seed ^ length
  let i = 0
  for (; i + 4 <= length; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    hash = Math.imul(hash, m) ^ Math.imul(k, m)
  }
  const rest = length - i
  if (rest === 3) hash ^= bytes[i + 2]! << 16
  if (rest >= 2) hash ^= bytes[i + 1]! << 8
  if (rest >= 1) hash = Math.imul(hash ^ bytes[i]!, m)
  hash ^= hash >>> 13
  hash = Math.imul(hash, m)
  return hash ^ (hash >>> 15)
}

/** The hash by which a room finds its partition, from 0 to 2^31 − 1: that of Kafka's default partitioner, on every broker. */
export const roomHash = (room: string): number => murmur2(encoder.encode(room)) & 0x7fffffff

/** How many places there are: partitions that divide this number share them evenly. */
export const placesCount = 256

/**
 * Where a room is, as two hexadecimal digits: what a client puts into the `place` of its address for a load balancer that sends
 * those of a place to the same node. A hint: nothing but speed depends on it.
 */
export const placeOf = (room: string): string => (roomHash(room) % placesCount).toString(16).padStart(2, '0')

/** The number of a place; undefined where the text is none. */
export const parsePlace = (text: string): number | undefined =>
  /^[0-9a-f]{2}$/.test(text) ? Number.parseInt(text, 16) : undefined
