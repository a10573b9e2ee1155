import type { PublishFrame, WireFormat } from '@roomway/protocol'
import { RoomwayError } from './errors.js'
import type { PublishOptions } from './events.js'

type Content = Omit<PublishFrame, 'type' | 'id' | 'after'>

/** Data does not nest deeper (docs/protocol.md). */
const maxNesting = 64

/** What a publish says, in the form that the wire format has for its data: bytes are `bin` in MessagePack and base64 in JSON. @throws RoomwayError `bad_payload` */
export function publishContent(
  format: WireFormat,
  room: string,
  event: string,
  data: unknown,
  options: PublishOptions,
  traceparent: string | undefined,
): Content {
  const bytes = bytesOf(data)
  if (bytes === undefined && holdsBytes(data)) throw new RoomwayError('bad_payload', noForm, { room })
  const contentType = options.contentType ?? (bytes ? 'application/octet-stream' : undefined)
  return {
    room,
    event,
    ...(bytes && format === 'json'
      ? { dataBase64: base64Of(bytes) }
      : { data: bytes ?? (data === undefined ? null : data) }),
    ...(contentType !== undefined && { contentType }),
    ...(options.reply === true && { reply: true }),
    ...(traceparent !== undefined && { traceparent }),
  }
}

/** Any view of memory is published as the bytes under it: what its elements are, the content type says. */
function bytesOf(data: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return data instanceof ArrayBuffer ? new Uint8Array(data) : undefined
}

const noForm =
  'bytes within data have no form in JSON, which the log holds: publish them as the data itself, or write them as text'

/** Looked at is what will be written: what an object gives for itself by `toJSON`. */
function holdsBytes(value: unknown, levels = maxNesting, seen = new Set<unknown>()): boolean {
  if (typeof value !== 'object' || value === null || levels === 0 || seen.has(value)) return false
  if (bytesOf(value) !== undefined) return true
  seen.add(value)
  const { toJSON } = value as { readonly toJSON?: unknown }
  if (typeof toJSON === 'function') return holdsBytes(toJSON.call(value), levels, seen)
  return Object.values(value).some((member) => holdsBytes(member, levels - 1, seen))
}

function base64Of(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}
