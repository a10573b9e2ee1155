import type { SnapshotFrame, WireFormat } from '@roomway/protocol'
import { msgpackCodec } from '@roomway/protocol/msgpack'

/** A `snapshot` frame. Its data goes into a JSON frame as the bytes that they are, which the application tier has checked. Undefined where a msgpack frame shows that they are no JSON after all. */
export function snapshotFrame(
  head: Omit<SnapshotFrame, 'type' | 'data'>,
  data: Uint8Array,
  format: WireFormat,
): Uint8Array | undefined {
  const { id, room, offset } = head
  if (format === 'msgpack') return packed(head, data)
  const start = `{"type":"snapshot","id":${id},"room":${JSON.stringify(room)},"offset":${offset},"data":`
  return Buffer.concat([Buffer.from(start), data, Buffer.from('}')])
}

function packed(head: Omit<SnapshotFrame, 'type' | 'data'>, data: Uint8Array): Uint8Array | undefined {
  try {
    const frame: SnapshotFrame = { type: 'snapshot', ...head, data: JSON.parse(Buffer.from(data).toString()) }
    return msgpackCodec.encode(frame) as Uint8Array
  } catch {
    return undefined
  }
}
