/*
 * What the events log says. Readers (a node's tail, a replay, an owner in the app tier) must all come to the same answer about
 * every record, so the answer is computed here, for all of them, from the log alone:
 *  - a record outside its room's home, or with a payload that is not what it says, is no event and is set aside;
 *  - a record with a free id is a duplicate when the same (room, id) stands in the `lookbackOffsets` offsets below it;
 *  - an outcome counts when no other outcome of its command stands between its `seen` and itself, and that stretch is no longer than
 *    the look-back (so that a writer that was paused for long cannot ask readers to look further back than they remember).
 */
import { createHash } from 'node:crypto'
import type { BrokerRecord } from '@roomway/broker'
import { cloudEventOf } from './cloud-event.js'
import { DuplicateIndex } from './duplicate-index.js'
import { defaultEventName, headerNames, jsonContentType } from './envelope.js'
import { EventNames } from './event-names.js'
import { isRepeat, outcomeCounts } from './first-outcome.js'
import { type Outcome, outcomeKey, parseSeen } from './outcome.js'
import { isJsonContentType, payloadFault, type SetAsideReason } from './payload.js'
import type { RoomDirectory } from './room-directory.js'

/** What a record says of an event. `payload` is borrowed from the record: copy it to keep it. */
export interface ReadEvent {
  readonly room: string
  readonly offset: number
  /** The id that the publisher gave. Else the event's id is the `placeId` of where it stands. */
  readonly ownId: string | undefined
  /** Names that start with `$` are the system's own and are not shown in a user's room. */
  readonly event: string
  readonly contentType: string
  readonly isJson: boolean
  readonly payload: Uint8Array
  readonly timeMs: number
  readonly user: string | undefined
  readonly traceparent: string | undefined
}

/** An event of a room. */
export interface RoomEvent extends ReadEvent {
  readonly id: string
}

export interface EventReaderOptions {
  readonly epoch: string
  readonly partition: number
  readonly directory: RoomDirectory
  /** Told of each record that is no event although it was meant as one. */
  readonly onSetAside?: (record: BrokerRecord, reason: SetAsideReason) => void
  /** Told of each outcome record, those that do not count included. */
  readonly onOutcome?: (outcome: Outcome, record: BrokerRecord) => void
}

/** Reads one partition of the events log. Give it every record in offset order, from `lookbackOffsets` below the first that matters. */
export interface EventReader {
  /** The event this record is; undefined where it is a marker, a duplicate, an outcome without an event in the room, or set aside. */
  read(record: BrokerRecord): RoomEvent | undefined
  /** The same without the id, for those who read much: few ask for an id that only says where an event stands. */
  take(record: BrokerRecord): ReadEvent | undefined
  /** The same for a record whose event nobody wants: only what it says of those above it is noted. */
  pass(record: BrokerRecord): void
  /** Where the latest outcome of a command stands, whether or not it counts; -1 where there is none in the `lookbackOffsets` offsets that were read last. */
  lastOutcome(commandKey: string): number
}

export function openEventReader(options: EventReaderOptions): EventReader {
  return new Reader(options)
}

/** The id of an event that was given none: its place, the offset last. */
export const placeId = (epoch: string, partition: number, offset: number): string =>
  placeHead(epoch, partition) + offset

export const placeHead = (epoch: string, partition: number): string => `${epoch}:${partition}:`

const eventNames = new EventNames()
const timeForm = /^\d{1,15}$/

/** Undefined where it is none that Roomway wrote: what is not a number would break the frame it is put into. */
const timeOf = (header: string | undefined): number | undefined =>
  header !== undefined && timeForm.test(header) ? Number(header) : undefined

const maxKeptChars = 255

/** What is remembered of an id: publishers make them as long as they like, and thousands are kept. */
const kept = (id: string): string =>
  id.length <= maxKeptChars ? id : createHash('sha256').update(id).digest('base64url')

class Reader implements EventReader {
  readonly #options: EventReaderOptions
  readonly #ids = new DuplicateIndex()
  readonly #outcomes = new DuplicateIndex()

  constructor(options: EventReaderOptions) {
    this.#options = options
  }

  read(record: BrokerRecord): RoomEvent | undefined {
    const event = this.take(record)
    return event && { ...event, id: event.ownId ?? placeId(this.#options.epoch, record.partition, event.offset) }
  }

  take(record: BrokerRecord): ReadEvent | undefined {
    const { key, headers, offset } = record
    const isSessionRoom = key?.startsWith('$session:') === true
    if (key?.startsWith('$') === true && !isSessionRoom) return undefined
    const timeMs = timeOf(headers[headerNames.time])
    const cloudEvent = timeMs === undefined ? cloudEventOf(headers) : undefined
    const event = eventNames.known(headers[headerNames.event] ?? cloudEvent?.event ?? defaultEventName)
    const givenType = headers[headerNames.contentType]
    const contentType = givenType === undefined || givenType === jsonContentType ? jsonContentType : givenType
    const isJson = contentType === jsonContentType || isJsonContentType(contentType)
    const fault = this.#fault(record, event, isJson, timeMs !== undefined)
    if (fault !== undefined) {
      this.#options.onSetAside?.(record, fault)
      return undefined
    }
    const id = headers[headerNames.id] ?? cloudEvent?.id
    if (id !== undefined && !this.#isFirst(record, key!, id)) return undefined
    if (!isSessionRoom && event.charCodeAt(0) === 36) return undefined
    return {
      room: key!,
      offset,
      ownId: id,
      event,
      contentType,
      isJson,
      payload: record.value,
      timeMs: timeMs ?? record.timeMs,
      user: headers[headerNames.user],
      traceparent: headers[headerNames.traceparent],
    }
  }

  pass(record: BrokerRecord): void {
    const { headers } = record
    if (headers[headerNames.id] !== undefined || cloudEventOf(headers) !== undefined) this.take(record)
  }

  lastOutcome(commandKey: string): number {
    return this.#outcomes.last(commandKey)
  }

  #fault(record: BrokerRecord, event: string, isJson: boolean, isOurs: boolean): SetAsideReason | undefined {
    if (record.key === undefined) return 'bad_room'
    const home = this.#options.directory.home(record.key)
    if (home < 0) return 'bad_room'
    if (home !== this.#options.partition) return 'home'
    if (isOurs) return undefined
    if (event !== defaultEventName && !eventNames.isPublic(event)) return 'bad_event_name'
    return payloadFault(record.value, isJson)
  }

  #isFirst(record: BrokerRecord, room: string, id: string): boolean {
    const { headers, offset, partition } = record
    const seen = parseSeen(headers)
    if (seen === undefined) return !isRepeat(this.#ids.note(`${room}\n${kept(id)}`, offset))
    const commandKey = outcomeKey(id, room, headers[headerNames.door])
    const counts = outcomeCounts(offset, seen, this.#outcomes.note(commandKey, offset))
    this.#options.onOutcome?.({ commandKey, partition, offset, counts }, record)
    return counts
  }
}
