import type { PublishFrame, WireFormat } from '@roomway/protocol'
import type { PublishOptions } from './events.js'

type Content = Omit<PublishFrame, 'type' | 'id' | 'after'>

/** What a publish says, in the form that the wire format has for its data: bytes are `bin` in MessagePack and base64 in JSON. */
export function publishContent(
  format: WireFormat,
  room: string,
  event: string,
  data: unknown,
  options: PublishOptions,
  traceparent: string | undefined,
): Content {
  const isBinary = data instanceof Uint8Array
  const contentType = options.contentType ?? (isBinary ? 'application/octet-stream' : undefined)
  return {
    room,
    event,
    ...(isBinary && format === 'json' ? { dataBase64: base64Of(data) } : { data: data === undefined ? null : data }),
    ...(contentType !== undefined && { contentType }),
    ...(options.reply === true && { reply: true }),
    ...(traceparent !== undefined && { traceparent }),
  }
}

function base64Of(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}
