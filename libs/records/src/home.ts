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

/** The partition a room lives in: Kafka's default partitioner, on every broker. */
export function homeOf(room: string, partitions: number): number {
  return (murmur2(encoder.encode(room)) & 0x7fffffff) % partitions
}
