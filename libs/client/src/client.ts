import type { AnswerOf, EventsOf } from './application-types.js'
import type { RoomwayError } from './errors.js'
import type { AnyEvents, JoinOptions, Published, PublishOptions, Reply, RequestOptions } from './events.js'
import type { Room } from './room.js'
import type { ClientState } from './state.js'

export interface ClientListeners {
  /** The new state. */
  state: ClientState
  /** What no promise tells: an event refused after its ack, a token that could not be had, an error of the connection. */
  error: RoomwayError
  /** The answer to a publish made with `reply: true`. */
  reply: Reply
}

/**
 * A session with a Roomway gateway, kept over any number of connections to any node. `Kind` types its rooms: names of events with their data, or an
 * application (`typeof app`).
 */
export interface Client<Kind extends object = AnyEvents> {
  readonly state: ClientState
  /**
   * Joins a room; outlives reconnects. Resolves when joined, rejects where the server refuses (`forbidden`, `bad_room`, `too_many_rooms`).
   * A room that is joined already is given as it is, whatever `from` says.
   */
  join<Name extends string>(
    room: Name,
    options?: JoinOptions,
  ): Promise<Room<EventsOf<Kind, Name>, AnswerOf<Kind, Name>>>
  /** The room, if it was asked for and not left. */
  room<Name extends string>(name: Name): Room<EventsOf<Kind, Name>, AnswerOf<Kind, Name>> | undefined
  /**
   * Publishes an event. Resolves when it is durable in the server's broker. Publishes go out in the order they are made, no faster than the server takes them, and again, unchanged, after a
   * reconnect: exactly one event comes of each. Made while there is no connection, they wait. Rejects with the server's error, `queue_full`,
   * `outcome_unknown` where the session ended between sending and answer, or `closed`.
   */
  publish<Name extends string, Event extends keyof EventsOf<Kind, Name> & string>(
    room: Name,
    event: Event,
    data: EventsOf<Kind, Name>[Event],
    options?: PublishOptions,
  ): Promise<Published>
  /**
   * Publishes an event and resolves with the handler's answer; `null` where it has none, or there is no handler. Survives reconnects, to another node too. Rejects
   * with the handler's rejection (`app.…`), with what a publish rejects with, with `timeout` (taken back, if it was not sent yet), and with `outcome_unknown`
   * where the session was lost before the answer.
   */
  request<Name extends string, Event extends keyof EventsOf<Kind, Name> & string>(
    room: Name,
    event: Event,
    data: EventsOf<Kind, Name>[Event],
    options?: RequestOptions,
  ): Promise<AnswerOf<Kind, Name>>
  /** Returns a function that takes the listener off again. */
  on<Name extends keyof ClientListeners>(name: Name, listener: (argument: ClientListeners[Name]) => void): () => void
  /** Closes for good, where a connection is open after the acks of what was published, for which it waits 2 s at most. Iterations of rooms end. Idempotent. */
  close(): Promise<void>
}
