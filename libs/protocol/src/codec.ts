import type { WireFormat } from './version.js'

/** A frame that is not in the chosen format, or no object: closes the connection with `bad_frame`. */
export class FrameSyntaxError extends Error {
  override readonly name = 'FrameSyntaxError'
}

/** One wire format. JSON frames travel as text, msgpack frames as binary. */
export interface Codec {
  readonly format: WireFormat
  encode(frame: object): string | Uint8Array
  /** @throws FrameSyntaxError for anything that is not one object of this format. */
  decode(message: string | Uint8Array): Readonly<Record<string, unknown>>
}
