import { isEventName, isUserRoom, type PublishFrame } from '@roomway/protocol'
import { rawMember } from '@roomway/protocol/json'
import {
  type Command,
  commandId,
  commandRecord,
  isJsonContentType,
  jsonContentType,
  payloadFault,
} from '@roomway/records'
import type { CommandWriter } from '../commands/command-writer.js'
import type { DirectPublishes } from '../commands/direct-publishes.js'
import type { EventsTail } from '../log/events-tail.js'
import type { OffsetClock } from '../log/offset-clock.js'
import type { RoomRules } from '../log/room-rules.js'
import type { Tracing } from '../operations/tracing.js'
import type { Connection } from './connection.js'
import { PublishLimit, type Refusal } from './publish-limit.js'

export interface PublishOptions {
  readonly tail: EventsTail
  readonly rules: RoomRules
  readonly writer: CommandWriter
  readonly direct: DirectPublishes
  readonly clock: OffsetClock
  readonly maxPayloadBytes: number
  readonly publishesPerSecond: number
  readonly tracing: Tracing
}

const reasons: Readonly<Record<Refusal['code'], string>> = {
  rate_limited: 'too many publishes on this connection',
  overloaded: 'the node holds as many unacknowledged publishes as it may',
}

interface Payload {
  readonly bytes: Uint8Array
  readonly contentType: string
}

/** A client's publish on its way into the log: as a command, or, in a direct room, as the event itself. */
export class Publish {
  readonly #options: PublishOptions

  constructor(options: PublishOptions) {
    this.#options = options
  }

  /** `text` is the frame as it came, where it came as JSON: the payload goes into the log in the client's own bytes. */
  handle(connection: Connection, frame: PublishFrame, text: string | undefined): void {
    const { id, room } = frame
    const refuse = (code: Parameters<Connection['sendError']>[0], message: string, retryAfterMs?: number) =>
      connection.sendError(code, message, { id, room, ...(retryAfterMs !== undefined && { retryAfterMs }) })
    const now = Date.now()
    if (!isUserRoom(room)) return refuse('bad_room', 'nothing can be published to a room of the system’s own')
    if (frame.event !== undefined && (!isEventName(frame.event) || frame.event.startsWith('$')))
      return refuse('bad_frame', 'the event name is not valid')
    if (!connection.identity.grants.mayPublish(room))
      return refuse('forbidden', 'the token does not allow to publish to this room')
    const isDirect = this.#options.rules.of(room)?.kind === 'direct'
    if (isDirect && frame.reply === true) return refuse('unsupported', 'nobody replies in a direct room')
    const limit = this.#limitOf(connection)
    const later = ({ code, retryAfterMs }: Refusal) => refuse(code, reasons[code], retryAfterMs)
    const refusal = limit.take(performance.now())
    if (refusal !== undefined) return later(refusal)
    const payload = payloadOf(frame, text)
    if (typeof payload === 'string') return refuse('bad_payload', payload)
    if (payload.bytes.length > this.#options.maxPayloadBytes)
      return refuse(
        'too_large',
        `the data has ${payload.bytes.length} bytes, ${this.#options.maxPayloadBytes} are allowed`,
      )
    const isTaken = this.#write(connection, frame, payload, now, isDirect)
    if (isTaken) connection.counters.publishesTotal++
    else later(limit.refuse('overloaded', performance.now()))
  }

  #write(connection: Connection, frame: PublishFrame, payload: Payload, now: number, isDirect: boolean): boolean {
    const { tracing, tail, writer, direct } = this.#options
    const { id, room } = frame
    const { span, traceparent } = tracing.publishing(room, frame.traceparent, isDirect)
    const command = this.#command(connection, frame, payload, now, traceparent)
    const ack = () => {
      span?.end()
      if (connection.state === 'open') connection.send({ type: 'ack', id })
    }
    const isTaken = isDirect
      ? direct.publish(command, frame.after !== undefined, (result) => {
          if (result === 'shown') return ack()
          span?.end(new Error(result))
          if (connection.state === 'open')
            connection.sendError('bad_frame', 'the id is that of another publish', { id, room })
        })
      : writer.write(commandRecord(command, tail.windowOf(room).partition), ack)
    if (!isTaken) span?.end(new Error('overloaded'))
    return isTaken
  }

  #limitOf(connection: Connection): PublishLimit {
    const { publishes = new PublishLimit(this.#options.publishesPerSecond, performance.now()) } =
      connection.undertakings
    if (connection.undertakings.publishes === undefined) connection.undertake({ publishes })
    return publishes
  }

  #command(
    connection: Connection,
    frame: PublishFrame,
    payload: Payload,
    timeMs: number,
    traceparent: string | undefined,
  ): Command {
    return {
      id: commandId(connection.session, frame.id),
      room: frame.room,
      event: frame.event ?? 'message',
      contentType: payload.contentType,
      payload: payload.bytes,
      user: connection.identity.user,
      timeMs,
      after: this.#after(frame),
      wantsReply: frame.reply === true,
      traceparent,
    }
  }

  /** No outcome of this command lies at or below: what the client says of a repeat, else how far this node has read. */
  #after(frame: PublishFrame): { epoch: string; offset: number } {
    const { epoch, next, partition } = this.#options.tail.windowOf(frame.room)
    if (frame.after === undefined) return { epoch, offset: next - 1 }
    const offset = frame.after.epoch === epoch ? Math.min(frame.after.offset, next - 1) : -1
    return { epoch, offset: Math.max(offset, this.#options.clock.spanAgo(partition)) }
  }
}

/** The payload as it goes into the log, or what is wrong with it. */
function payloadOf(frame: PublishFrame, text: string | undefined): Payload | string {
  const { data, dataBase64, contentType } = frame
  if (dataBase64 !== undefined || data instanceof Uint8Array) {
    const bytes = dataBase64 === undefined ? (data as Uint8Array) : Buffer.from(dataBase64, 'base64')
    const type = contentType ?? 'application/octet-stream'
    const fault = payloadFault(bytes, isJsonContentType(type))
    return fault === undefined ? { bytes, contentType: type } : `the data is not ${type}: ${fault}`
  }
  if (contentType !== undefined && !isJsonContentType(contentType))
    return `data of the type ${contentType} is sent as dataBase64, or as bin`
  if (text === undefined && holdsBytes(data))
    return 'bytes within data have no form in JSON: send them as the data itself, or as base64'
  const json = (text === undefined ? undefined : rawMember(text, 'data')) ?? JSON.stringify(data ?? null)
  return { bytes: Buffer.from(json), contentType: contentType ?? jsonContentType }
}

/** No deeper than a frame may nest. */
function holdsBytes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return value instanceof Uint8Array || Object.values(value).some(holdsBytes)
}
