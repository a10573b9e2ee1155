/**
 * Snappy decompression, raw (format_description.txt of google/snappy) and in the chunks of Java's SnappyOutputStream that Kafka's Java
 * clients write: a magic of 8 bytes, two versions, then chunks of [length, raw snappy].
 */

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const xerialHeaderBytes = 16

export function snappy(bytes: Buffer, maxBytes: number): Buffer {
  if (!bytes.subarray(0, 8).equals(xerialMagic)) return rawSnappy(bytes, maxBytes)
  const chunks: Buffer[] = []
  let left = maxBytes
  for (let position = xerialHeaderBytes; position < bytes.length; ) {
    const length = bytes.readInt32BE(position)
    const chunk = rawSnappy(bytes.subarray(position + 4, position + 4 + length), left)
    left -= chunk.length
    chunks.push(chunk)
    position += 4 + length
  }
  return Buffer.concat(chunks)
}

function rawSnappy(bytes: Buffer, maxBytes: number): Buffer {
  let position = 0
  let size = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes.readUInt8(position++)
    size += (byte & 0x7f) * factor
    if (byte < 0x80) break
  }
  if (size > maxBytes) throw new RangeError(`a snappy block of ${size} bytes is above the limit`)
  return inflate(bytes, position, Buffer.allocUnsafe(size))
}

function inflate(bytes: Buffer, start: number, output: Buffer): Buffer {
  let position = start
  let filled = 0
  while (position < bytes.length) {
    const tag = bytes[position++]!
    const kind = tag & 3
    let length = tag >>> 2
    if (kind === 0) {
      if (length >= 60) {
        const width = length - 59
        length = bytes.readUIntLE(position, width)
        position += width
      }
      length++
      checkRoom(position + length <= bytes.length && filled + length <= output.length)
      bytes.copy(output, filled, position, position + length)
      position += length
    } else {
      let distance: number
      if (kind === 1) {
        distance = ((length & 0x38) << 5) | bytes.readUInt8(position)
        length = (length & 7) + 4
        position += 1
      } else {
        distance = kind === 2 ? bytes.readUInt16LE(position) : bytes.readUInt32LE(position)
        length++
        position += kind === 2 ? 2 : 4
      }
      checkRoom(distance > 0 && distance <= filled && filled + length <= output.length)
      copyBack(output, filled, distance, length)
    }
    filled += length
  }
  checkRoom(filled === output.length)
  return output
}

/** Repeats what stands `distance` before `at`; the stretch may overlap itself. */
export function copyBack(output: Buffer, at: number, distance: number, length: number): void {
  if (distance >= length) output.copy(output, at, at - distance, at - distance + length)
  else for (let i = 0; i < length; i++) output[at + i] = output[at + i - distance]!
}

function checkRoom(fits: boolean): void {
  if (!fits) throw new RangeError('a snappy block is corrupt')
}
