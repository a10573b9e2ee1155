import { FrameSyntaxError } from './codec.js'
import { maxNesting, tooDeep } from './nesting.js'

/*
 * msgpackr reads more than this protocol allows: extensions of its own and of others (records, dates, references, errors), maps with any
 * keys, lengths beyond the message. One walk over the bytes before it refuses all of that, so that what it is then given is always one whole object of plain values.
 */

let hasBytes = false

/**
 * Returns whether there is any `bin` in it.
 * @throws FrameSyntaxError where `bytes` is not exactly one map of plain MessagePack values (nil, bool, number, str, bin, array, map with str keys).
 */
export function checkShape(bytes: Uint8Array): boolean {
  hasBytes = false
  const first = bytes[0] ?? 0
  const isMap = (first & 0xf0) === 0x80 || first === 0xde || first === 0xdf
  if (!isMap) throw new FrameSyntaxError('a frame is one MessagePack map')
  const end = valueEnd(bytes, 0, 0)
  if (end !== bytes.length) throw new FrameSyntaxError('bytes after the end of the MessagePack map')
  return hasBytes
}

/** The index after the value that begins at `at`; it lies inside the message. */
function valueEnd(bytes: Uint8Array, at: number, depth: number): number {
  const token = byteAt(bytes, at)
  if (token < 0x80 || token >= 0xe0) return at + 1
  if (token < 0x90) return mapEnd(bytes, at + 1, token & 0x0f, depth)
  if (token < 0xa0) return arrayEnd(bytes, at + 1, token & 0x0f, depth)
  if (token < 0xc0) return inside(bytes, at + 1 + (token & 0x1f))
  switch (token) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return at + 1
    case 0xc4: // bin 8, 16, 32
    case 0xc5:
    case 0xc6:
      hasBytes = true
      return lengthyEnd(bytes, at, token - 0xc4)
    case 0xd9: // str 8, 16, 32
    case 0xda:
    case 0xdb:
      return lengthyEnd(bytes, at, token - 0xd9)
    case 0xca: // float 32, 64
      return inside(bytes, at + 5)
    case 0xcb:
      return inside(bytes, at + 9)
    case 0xcc: // uint 8, int 8
    case 0xd0:
      return inside(bytes, at + 2)
    case 0xcd: // 16
    case 0xd1:
      return inside(bytes, at + 3)
    case 0xce: // 32
    case 0xd2:
      return inside(bytes, at + 5)
    case 0xcf: // 64
    case 0xd3:
      return inside(bytes, at + 9)
    case 0xdc: // array 16, 32
      return arrayEnd(bytes, at + 3, uint16(bytes, at + 1), depth)
    case 0xdd:
      return arrayEnd(bytes, at + 5, uint32(bytes, at + 1), depth)
    case 0xde: // map 16, 32
      return mapEnd(bytes, at + 3, uint16(bytes, at + 1), depth)
    case 0xdf:
      return mapEnd(bytes, at + 5, uint32(bytes, at + 1), depth)
    default:
      throw new FrameSyntaxError('MessagePack extensions are not part of this protocol')
  }
}

/** Of a bin or str whose length has 1, 2 or 4 bytes. */
function lengthyEnd(bytes: Uint8Array, at: number, width: number): number {
  if (width === 0) return inside(bytes, at + 2 + byteAt(bytes, at + 1))
  return width === 1 ? inside(bytes, at + 3 + uint16(bytes, at + 1)) : inside(bytes, at + 5 + uint32(bytes, at + 1))
}

function arrayEnd(bytes: Uint8Array, at: number, length: number, depth: number): number {
  if (depth >= maxNesting) throw tooDeep()
  let end = at
  for (let item = 0; item < length; item++) end = valueEnd(bytes, end, depth + 1)
  return end
}

function mapEnd(bytes: Uint8Array, at: number, length: number, depth: number): number {
  if (depth >= maxNesting) throw tooDeep()
  let end = at
  for (let item = 0; item < length; item++) end = valueEnd(bytes, keyEnd(bytes, end), depth + 1)
  return end
}

function keyEnd(bytes: Uint8Array, at: number): number {
  const token = byteAt(bytes, at)
  const isString = (token & 0xe0) === 0xa0 || (token >= 0xd9 && token <= 0xdb)
  if (!isString) throw new FrameSyntaxError('the keys of a MessagePack map are strings')
  return valueEnd(bytes, at, 0)
}

function inside(bytes: Uint8Array, end: number): number {
  if (end > bytes.length) throw truncated()
  return end
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw truncated()
  return byte
}

function uint16(bytes: Uint8Array, at: number): number {
  return byteAt(bytes, at) * 0x100 + byteAt(bytes, at + 1)
}

function uint32(bytes: Uint8Array, at: number): number {
  return uint16(bytes, at) * 0x10000 + uint16(bytes, at + 2)
}

function truncated(): FrameSyntaxError {
  return new FrameSyntaxError('the MessagePack message ends in the middle of a value')
}
