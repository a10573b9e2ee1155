/** LZ4 decompression of frames (lz4_Frame_format.md), without checking their checksums. */
import { copyBack } from './snappy.js'

const magic = 0x184d2204
const blockSizes = [0, 0, 0, 0, 65_536, 262_144, 1_048_576, 4_194_304]

export function lz4Frame(bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.readUInt32LE(0) !== magic) throw new Error('not an LZ4 frame')
  const flags = bytes.readUInt8(4)
  const blockBytes = blockSizes[(bytes.readUInt8(5) >>> 4) & 7]!
  const hasBlockChecksum = (flags & 0x10) !== 0
  // Descriptor: flags, block size, optional content size and dictionary, header checksum.
  let position = 7 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0)
  let output: Buffer = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(blockBytes, bytes.length * 4)))
  let filled = 0
  for (let size = bytes.readUInt32LE(position); size !== 0; size = bytes.readUInt32LE(position)) {
    const length = size & 0x7fffffff
    const block = bytes.subarray(position + 4, position + 4 + length)
    output = withRoom(output, filled, blockBytes, maxBytes)
    filled += size > 0x7fffffff ? block.copy(output, filled) : lz4Block(block, output, filled)
    position += 4 + length + (hasBlockChecksum ? 4 : 0)
  }
  return output.subarray(0, filled)
}

function withRoom(output: Buffer, filled: number, needed: number, maxBytes: number): Buffer {
  if (filled + needed <= output.length) return output
  if (filled + needed > maxBytes + 4_194_304) throw new RangeError('an LZ4 frame is above the limit')
  const larger = Buffer.allocUnsafe(Math.max(filled + needed, output.length * 2))
  output.copy(larger, 0, 0, filled)
  return larger
}

/** Writes the block's bytes at `start` and tells how many. Blocks may refer to what the ones before them wrote. */
function lz4Block(bytes: Buffer, output: Buffer, start: number): number {
  let position = 0
  let filled = start
  const longer = (length: number): number => {
    let sum = length
    for (let byte = 255; byte === 255; sum += byte) byte = bytes.readUInt8(position++)
    return sum
  }
  while (position < bytes.length) {
    const token = bytes[position++]!
    const literals = token >>> 4 === 15 ? longer(15) : token >>> 4
    if (position + literals > bytes.length || filled + literals > output.length) throw corrupt()
    filled += bytes.copy(output, filled, position, position + literals)
    position += literals
    if (position >= bytes.length) break
    const distance = bytes.readUInt16LE(position)
    position += 2
    const length = ((token & 15) === 15 ? longer(15) : token & 15) + 4
    if (distance === 0 || distance > filled || filled + length > output.length) throw corrupt()
    copyBack(output, filled, distance, length)
    filled += length
  }
  return filled - start
}

function corrupt(): Error {
  return new RangeError('an LZ4 block is corrupt')
}
