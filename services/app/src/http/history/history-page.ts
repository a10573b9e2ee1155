import type { Position } from '@roomway/protocol'
import type { RoomEvent } from '@roomway/records'
import { writtenPosition } from '../request-schemas.js'

/** A page of a room's history on its way to whoever asked: JSON around the events' own bytes. */
export class HistoryPage {
  readonly #limits: { readonly events: number; readonly bytes: number }
  readonly #texts: string[] = []
  #bytes = 0
  #lastOffset = -1

  constructor(limits: { readonly events: number; readonly bytes: number }) {
    this.#limits = limits
  }

  get isFull(): boolean {
    return this.#texts.length >= this.#limits.events || this.#bytes >= this.#limits.bytes
  }

  /** Takes events in order, until it is full. */
  add(event: RoomEvent): void {
    if (this.isFull) return
    const text = eventText(event)
    this.#texts.push(text)
    this.#bytes += text.length
    this.#lastOffset = event.offset
  }

  /** `readTo`: the position that was read to; `end`: that of the log when reading began. */
  toJson(readTo: Position, end: Position): string {
    const next = this.isFull ? { epoch: readTo.epoch, offset: this.#lastOffset } : readTo
    const more = next.offset < end.offset
    return `{"events":[${this.#texts.join(',')}],"next":${JSON.stringify(writtenPosition(next))},"more":${more}}`
  }
}

function eventText({
  room,
  offset,
  id,
  event,
  contentType,
  isJson,
  payload,
  timeMs,
  user,
  traceparent,
}: RoomEvent): string {
  const head = JSON.stringify({ room, offset, id, event }).slice(0, -1)
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
  const data = isJson
    ? `,"data":${bytes.toString()}`
    : `,"contentType":${JSON.stringify(contentType)},"dataBase64":"${bytes.toString('base64')}"`
  const tail = JSON.stringify({ time: timeMs, user, traceparent }).slice(1)
  return `${head}${data},${tail}`
}
