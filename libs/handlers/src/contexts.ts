import type { Logger } from '@roomway/broker'
import type { Position } from '@roomway/protocol'
import type { RoomLog } from './application.js'

/** What a client published, as a handler gets it. */
export type PublishedEvent<Events> = {
  readonly [Name in keyof Events & string]: {
    readonly event: Name
    /** As its schema parsed it. Without a schema: the JSON value, or a Uint8Array where the content is not JSON. */
    readonly data: Events[Name]
    readonly contentType: string
    /** When the gateway took it, in ms since 1970. */
    readonly time: number
  }
}[keyof Events & string]

interface Context<Params> {
  readonly room: string
  /** The segments that the pattern names. */
  readonly params: Params
  /** As the gateway authenticated them; undefined: anonymous. */
  readonly user: string | undefined
  /** Says room and command with each line. */
  readonly logger: Logger
  /** Aborts at the deadline, and where the answer is of no use any more. Hand it to what the handler calls. */
  readonly signal: AbortSignal
  /** In ms since 1970: until when the answer is waited for. */
  readonly deadlineMs: number
}

interface Refusing {
  /** Ends the run: the client gets an error `app.<code>`, and nothing that was emitted has an effect. `code`: a–z, 0–9 and `_`. Does not return. */
  reject(code: string, message: string): never
}

interface CommandContext {
  /** The same on every run for this publish: what outside effects key on. */
  readonly commandId: string
  /** W3C trace context, where the publish is sampled. */
  readonly traceparent: string | undefined
  /** From 1: which run this is for this publish, on this instance. */
  readonly attempt: number
}

/** Of `authorize`. */
export type AuthorizeContext<Params, Events> = Context<Params> &
  Refusing &
  (
    | { readonly action: 'join'; readonly event?: undefined; readonly commandId?: undefined }
    | { readonly action: 'publish'; readonly event: PublishedEvent<Events>; readonly commandId: string }
  )

export interface EmitOptions {
  /** Default `application/octet-stream` for a Uint8Array, else JSON. */
  readonly contentType?: string
}

/** Of `publish`. */
export interface PublishContext<Params, Events> extends Context<Params>, Refusing, CommandContext {
  /**
   * An event for the room itself. Nothing is written until the handler returns; then all of it has one effect, in the order of the calls.
   * @throws TypeError where the event is none, Error once the run is over.
   */
  emit<Name extends keyof Events & string>(event: Name, data: Events[Name], options?: EmitOptions): void
  /** Another room. */
  to(room: string): { emit(event: string, data: unknown, options?: EmitOptions): void }
}

/** Of `snapshot`. */
export interface SnapshotContext<Params> extends Context<Params> {
  /** The room's events. */
  readonly log: RoomLog
}

/** The state of a room that exactly the events up to and including `position` have made; `json` is data that is encoded already. */
export type SnapshotResult =
  | { readonly position: Position; readonly data: unknown }
  | { readonly position: Position; readonly json: Uint8Array }
