/* How the types of a definition flow: from the schemas to the handlers, and from the application to the client that names it. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Application } from './application.js'

/** Names of events with the type of their data. */
export type AnyEvents = Readonly<Record<string, unknown>>

/** The events that clients may publish to a room, each with its schema: of any library that follows Standard Schema. */
export type EventSchemas = Readonly<Record<string, StandardSchemaV1>>

/** What clients send and receive: the data as it stands in the log. */
export type SentEvents<Schemas> = unknown extends Schemas
  ? AnyEvents
  : {
      readonly [Name in keyof Schemas]: Schemas[Name] extends StandardSchemaV1
        ? StandardSchemaV1.InferInput<Schemas[Name]>
        : unknown
    }

/** What handlers are given: the data as the schema parsed it. */
export type ParsedEvents<Schemas> = unknown extends Schemas
  ? AnyEvents
  : {
      readonly [Name in keyof Schemas]: Schemas[Name] extends StandardSchemaV1
        ? StandardSchemaV1.InferOutput<Schemas[Name]>
        : unknown
    }

type ParameterOf<Segment> = Segment extends `{${infer Name}}` ? Name : never
type ParametersOf<Pattern extends string> = Pattern extends `${infer Head}:${infer Rest}`
  ? ParameterOf<Head> | ParametersOf<Rest>
  : ParameterOf<Pattern>

/** `{ id: string }` of `chat:{id}`. */
export type ParamsOf<Pattern extends string> = { readonly [Name in ParametersOf<Pattern>]: string }

type Returned<Value> = Value extends undefined ? null : Value

// biome-ignore lint/suspicious/noConfusingVoidType: what a handler without `return` gives
type IsNothing<Value> = [Value] extends [void] ? true : false

/** What answers a request: what the handler returns, `null` where that is nothing. */
export type AnswerOf<Publish> = unknown extends Publish
  ? null
  : Publish extends (...parameters: never) => infer Result
    ? IsNothing<Awaited<Result>> extends true
      ? null
      : Returned<Awaited<Result>>
    : null

/** The rooms of an application, by pattern, as far as its clients' types need them. */
export interface RoomTypes {
  readonly [pattern: string]: { readonly events: object; readonly answer: unknown }
}

/** An application that says what its rooms hold: `connect<typeof app>(…)` of `@roomway/client` types joins and publishes by it. */
export interface App<Rooms> extends Application {
  /** For the compiler only. */
  readonly '~rooms'?: Rooms
}
