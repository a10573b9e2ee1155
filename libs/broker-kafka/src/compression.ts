/** The codecs of record batches. What Node brings is used; Snappy and LZ4 are short enough to read here. */
import zlib from 'node:zlib'
import { Decompress } from 'fzstd'
import { lz4Frame } from './lz4.js'
import { snappy } from './snappy.js'

/** What one batch may grow to: a guard against bombs, far above any broker's limit on batches. */
export const maxBatchBytes = 128 * 1024 * 1024

/** The uncompressed records of a batch. @throws where the codec is not to be had or the bytes are corrupt. */
export function decompress(codec: number, bytes: Buffer): Buffer {
  switch (codec) {
    case 1:
      return zlib.gunzipSync(bytes, { maxOutputLength: maxBatchBytes })
    case 2:
      return snappy(bytes, maxBatchBytes)
    case 3:
      return lz4Frame(bytes, maxBatchBytes)
    case 4:
      return zstd(bytes)
    default:
      throw new Error(`unknown compression codec ${codec}`)
  }
}

type Inflate = (bytes: Buffer, options: { maxOutputLength: number }) => Buffer

/** Node reads Zstandard itself from 22.15 on; before, a decoder in JavaScript does. */
function zstd(bytes: Buffer): Buffer {
  const { zstdDecompressSync } = zlib as { zstdDecompressSync?: Inflate }
  if (zstdDecompressSync !== undefined) return zstdDecompressSync(bytes, { maxOutputLength: maxBatchBytes })
  const chunks: Uint8Array[] = []
  let length = 0
  const stream = new Decompress((chunk) => {
    length += chunk.length
    if (length > maxBatchBytes) throw new RangeError('a zstd frame is above the limit')
    chunks.push(chunk)
  })
  stream.push(bytes, true)
  return Buffer.concat(chunks, length)
}
