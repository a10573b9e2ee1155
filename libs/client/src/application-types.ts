/*
 * What `connect<…>` is given: names of events with their data, for all rooms alike, or the type of an application (`typeof app` of
 * @roomway/handlers), whose patterns say what each room holds. Only its shape is known here.
 */
import type { AnyEvents } from './events.js'

interface RoomType {
  readonly events: object
  readonly answer: unknown
}

/** Of a room that no pattern is known to match: anything goes. */
interface UntypedRoom {
  readonly events: AnyEvents
  readonly answer: unknown
}

type Split<Name extends string> = Name extends `${infer Head}:${infer Rest}` ? [Head, ...Split<Rest>] : [Name]

type IsOne<Segment> = Segment extends '*' | `{${string}}` ? true : false

/** Whether the pattern's segments match those of a room, or all that another pattern's match. */
type Matches<Pattern, Room> = Pattern extends ['**']
  ? Room extends []
    ? false
    : true
  : Pattern extends [infer Wanted, ...infer Wanteds]
    ? Room extends [infer Given, ...infer Givens]
      ? Given extends '**'
        ? false
        : IsOne<Wanted> extends true
          ? Matches<Wanteds, Givens>
          : Given extends Wanted
            ? Matches<Wanteds, Givens>
            : false
      : false
    : Room extends []
      ? true
      : false

type MatchingPatterns<Patterns, Name extends string> = Patterns extends string
  ? Matches<Split<Patterns>, Split<Name>> extends true
    ? Patterns
    : never
  : never

/** Which of the others match only rooms that the pattern matches, too. */
type Narrower<Pattern extends string, Others> = Others extends string
  ? Matches<Split<Pattern>, Split<Others>> extends true
    ? Others
    : never
  : never

/** Of several that match a room, those that no other is narrower than: such stand first, or the application would not have been made. */
type Narrowest<Pattern, All> = Pattern extends string
  ? [Narrower<Pattern, Exclude<All, Pattern>>] extends [never]
    ? Pattern
    : never
  : never

type RoomOfPatterns<Rooms, Name extends string> = string extends Name
  ? UntypedRoom
  : [MatchingPatterns<keyof Rooms, Name>] extends [never]
    ? UntypedRoom
    : Rooms[Narrowest<MatchingPatterns<keyof Rooms, Name>, MatchingPatterns<keyof Rooms, Name>> & keyof Rooms]

type RoomOf<Kind extends object, Name extends string> = string extends keyof Kind
  ? { readonly events: Kind; readonly answer: unknown }
  : Kind extends { readonly '~rooms'?: infer Rooms }
    ? '~rooms' extends keyof Kind
      ? RoomOfPatterns<NonNullable<Rooms>, Name>
      : { readonly events: Kind; readonly answer: unknown }
    : { readonly events: Kind; readonly answer: unknown }

/** Names of the room's events with the types of their data. */
export type EventsOf<Kind extends object, Name extends string> =
  RoomOf<Kind, Name> extends infer Room extends RoomType ? Room['events'] : AnyEvents

/** What answers a request in the room. */
export type AnswerOf<Kind extends object, Name extends string> =
  RoomOf<Kind, Name> extends infer Room extends RoomType ? Room['answer'] : unknown
