import type { EventSchemas, ParamsOf, ParsedEvents, SentEvents } from './app-types.js'
import type { AuthorizeContext, PublishContext, PublishedEvent, SnapshotContext, SnapshotResult } from './contexts.js'

type MaybePromise<Value> = Value | Promise<Value>

/** What an application says about the rooms of one pattern. All of it is optional. */
export interface RoomDefinition<Pattern extends string, Schemas> {
  /** What clients may publish: another name is rejected as `app.unknown_event`, data that the schema refuses as `app.invalid_event`. Left out: anything. */
  readonly events?: Schemas & EventSchemas
  /** Asked at each join and for each publish; only `true` lets it through, else it is `forbidden`. Left out: everyone whose token allows it. */
  readonly authorize?: (context: AuthorizeContext<ParamsOf<Pattern>, ParsedEvents<Schemas>>) => MaybePromise<boolean>
  /** What becomes of a publish. What it returns, as JSON, answers `request`. Left out: the publish is an event of the room, unchanged. */
  readonly publish?: (
    context: PublishContext<ParamsOf<Pattern>, SentEvents<Schemas>>,
    event: PublishedEvent<ParsedEvents<Schemas>>,
  ) => unknown
  /** Answers a join `from: { snapshot: true }`. `fold` makes one. Undefined: this room has none. */
  readonly snapshot?: (context: SnapshotContext<ParamsOf<Pattern>>) => MaybePromise<SnapshotResult | undefined>
  /** How long a publish may take here, all attempts together. Default: the application tier's (5,000). */
  readonly deadlineMs?: number
}

/** A definition, or `direct`: publishes go straight to the room's log, without a handler. */
export type RoomChoice<Pattern extends string, Schemas> = RoomDefinition<Pattern, Schemas> | 'direct'

/** A definition of whatever types: how the library itself sees one. */
export interface AnyRoomDefinition {
  readonly events?: EventSchemas
  readonly authorize?: (context: AuthorizeContext<Record<string, string>, Record<string, unknown>>) => unknown
  readonly publish?: (
    context: PublishContext<Record<string, string>, Record<string, unknown>>,
    event: PublishedEvent<Record<string, unknown>>,
  ) => unknown
  readonly snapshot?: (context: SnapshotContext<Record<string, string>>) => MaybePromise<SnapshotResult | undefined>
  readonly deadlineMs?: number
}
