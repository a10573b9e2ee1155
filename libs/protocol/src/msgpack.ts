import type { Options } from 'msgpackr'
import { Packr } from 'msgpackr'
import type { Codec } from './codec.js'
import { FrameSyntaxError } from './codec.js'
import { checkShape } from './msgpack-shape.js'
import { refuseViews } from './msgpack-views.js'

// Plain MessagePack that every language reads; `skipValues` leaves out undefined members, as JSON does. msgpackr's types lack it.
const options: Options & { readonly skipValues: readonly unknown[] } = {
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  int64AsType: 'number',
  encodeUndefinedAsNil: true,
  copyBuffers: true,
  skipValues: [undefined],
}
const packr = new Packr(options)

/**
 * The MessagePack wire format: maps with string keys, arrays, strings, numbers, booleans, nil and `bin`; no extensions. Integers beyond
 * 2^53 lose precision, as in JSON. `encode` refuses what `decode` would refuse (a Date, a bigint beyond 64 bits), and every
 * view of bytes but a Uint8Array.
 */
export const msgpackCodec: Codec = { format: 'msgpack', encode, decode }

function encode(frame: object): Uint8Array {
  const bytes = packr.pack(frame)
  // What holds no bytes, as nearly every frame, holds no view of them.
  if (checkShape(bytes)) refuseViews(frame)
  return bytes
}

function decode(message: string | Uint8Array): Readonly<Record<string, unknown>> {
  if (typeof message === 'string') throw new FrameSyntaxError('MessagePack frames are binary messages, not text')
  checkShape(message)
  try {
    return packr.unpack(message)
  } catch (cause) {
    throw new FrameSyntaxError('not valid MessagePack', { cause })
  }
}
