import type { ReadEvent } from '@roomway/records'
import type { Sessions } from '../connection/sessions.js'
import { liveFrame } from '../encoder/event-frame.js'
import type { LoggedEvent } from '../log/logged-event.js'
import type { RecentWindow } from '../log/recent-window.js'
import type { Counters } from '../operations/counters.js'
import type { Tracing } from '../operations/tracing.js'
import type { PublishToTopic } from '../transport/transport.js'
import type { Room } from './room.js'
import type { Rooms } from './rooms.js'
import { isSessionRoom } from './session-room.js'
import type { SlowSweep } from './slow-sweep.js'

export interface FanOutOptions {
  readonly rooms: Rooms
  readonly sessions: Sessions
  readonly counters: Counters
  readonly tracing: Tracing
  readonly sweep: SlowSweep
}

/** From the log to the sockets: an event enters its room's window and is published to whoever is live there, in one synchronous step. */
export class FanOut {
  readonly #options: FanOutOptions
  readonly #transports: PublishToTopic[] = []

  constructor(options: FanOutOptions) {
    this.#options = options
  }

  /** One more transport publishes from here on. */
  connect(publish: PublishToTopic): void {
    this.#transports.push(publish)
  }

  take(event: ReadEvent, window: RecentWindow, readAtMs: number): void {
    const { rooms, sessions, counters } = this.#options
    const room = rooms.obtain(event.room, window)
    const logged = room.log(event, readAtMs)
    counters.eventsTotal++
    if (isSessionRoom(room.name)) return sessions.deliver(logged)
    const { liveJson, liveMsgpack } = room
    if (liveJson + liveMsgpack === 0) return
    counters.delivery.observeMs(Math.max(0, readAtMs - logged.timeMs))
    room.lastFrameAtSeconds = Math.floor(readAtMs / 1_000)
    const bytes =
      logged.traceparent === undefined
        ? this.#deliver(room, logged)
        : this.#deliverTraced(room, logged, logged.traceparent)
    this.#options.sweep.published(room, bytes)
  }

  /** The bytes of the frames, one of each format in use. */
  #deliver(room: Room, logged: LoggedEvent): number {
    const { liveJson, liveMsgpack } = room
    let bytes = 0
    if (liveJson > 0) bytes += this.#send(room.topic('json'), liveFrame(logged, 'json'), 'json', liveJson)
    if (liveMsgpack > 0)
      bytes += this.#send(room.topic('msgpack'), liveFrame(logged, 'msgpack'), 'msgpack', liveMsgpack)
    return bytes
  }

  /** The recipients go on from this node's span, or from the publisher's where none is recorded here. */
  #deliverTraced(room: Room, logged: LoggedEvent, traceparent: string): number {
    const span = this.#options.tracing.delivering(room.name, room.window.partition, logged.offset, traceparent)
    if (span !== undefined) {
      logged.traceparent = span.traceparent
      room.traceLast(span.traceparent)
    }
    const bytes = this.#deliver(room, logged)
    span?.set('roomway.recipients', room.liveJson + room.liveMsgpack)
    span?.set('messaging.message.body.size', bytes)
    span?.end()
    return bytes
  }

  /** Tells everyone live in a room that up to `offset` there was nothing more. */
  progress(
    room: Room,
    offset: number,
    frames: { readonly json: Uint8Array; readonly msgpack: Uint8Array },
    nowMs: number,
  ): void {
    room.progressOffset = offset
    room.lastFrameAtSeconds = Math.floor(nowMs / 1_000)
    if (room.liveJson > 0) this.#send(room.topic('json'), frames.json, 'json', room.liveJson)
    if (room.liveMsgpack > 0) this.#send(room.topic('msgpack'), frames.msgpack, 'msgpack', room.liveMsgpack)
  }

  #send(topic: string, frame: Uint8Array, format: 'json' | 'msgpack', recipients: number): number {
    const { counters } = this.#options
    counters.encodedTotal++
    counters.framesSent += recipients
    for (const publish of this.#transports) publish(topic, frame, format)
    return frame.length
  }
}
