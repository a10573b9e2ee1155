/** The codecs of record batches. What Node brings is used; Snappy and LZ4 are short enough to read here. */
import zlib from 'node:zlib'
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

function zstd(bytes: Buffer): Buffer {
  const { zstdDecompressSync } = zlib as { zstdDecompressSync?: Inflate }
  if (zstdDecompressSync !== undefined) return zstdDecompressSync(bytes, { maxOutputLength: maxBatchBytes })
  throw new Error('zstd needs Node 22.15 or newer here: update Node, or set compression.type=none, gzip, snappy or lz4')
}
