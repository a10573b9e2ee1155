import type { AppendRecord } from '@roomway/broker'
import type { Decision, Emission } from '@roomway/handlers'
import type { Position } from '@roomway/protocol'
import {
  answerRecord,
  type Command,
  encodeAnswer,
  eventRecord,
  maxHeaderReplyBytes,
  rejectionRecord,
  type ShownEvent,
} from '@roomway/records'

/** The one record that says what became of a command, but for what its writer has seen when it is written. */
export interface OutcomeDraft {
  readonly record: (seen: number) => AppendRecord
  /** Of its value. */
  readonly bytes: number
  /** Whether further events of the command's own room follow from it: what the room does next must wait for them. */
  readonly holdsRoom: boolean
}

/** Where no outcome of an event stands at or below, by its room. */
export type FloorOf = (room: string) => Position

/** With headers it fits into what brokers take by default (1 MiB). */
const maxValueBytes = 1_000_000
const maxMessageLength = 4_096
const decoder = new TextDecoder()

export function draftOutcome(command: Command, decision: Decision, partition: number, floorOf: FloorOf): OutcomeDraft {
  if (decision.type === 'reject') return rejection(command, partition, decision.code, decision.message)
  const reply = command.wantsReply && decision.reply !== undefined ? decision.reply : undefined
  const text = reply && decoder.decode(reply)
  const shown = onlyEvent(command, decision)
  const isOneRecord = shown !== undefined && (reply?.length ?? 0) <= maxHeaderReplyBytes
  return isOneRecord
    ? oneEvent(command, partition, shown, text)
    : answer(command, partition, decision.type === 'accept' ? [command] : decision.events, floorOf, text)
}

/** Whether the floors of these rooms are needed for a draft. */
export function roomsOf(command: Command, decision: Decision): readonly string[] {
  return decision.type === 'answer' && onlyEvent(command, decision) === undefined
    ? decision.events.map(({ room }) => room)
    : []
}

/** The event of the command's own room that is all that comes of it. */
function onlyEvent(command: Command, decision: Exclude<Decision, { type: 'reject' }>): ShownEvent | undefined {
  if (decision.type === 'accept') return command
  const [first] = decision.events
  return decision.events.length === 1 && first?.room === command.room ? first : undefined
}

function oneEvent(command: Command, partition: number, shown: ShownEvent, reply: string | undefined): OutcomeDraft {
  const bytes = shown.payload.length
  if (bytes > maxValueBytes) return tooLarge(command, partition, bytes)
  return { record: (seen) => eventRecord(command, partition, seen, shown, reply), bytes, holdsRoom: false }
}

function answer(
  command: Command,
  partition: number,
  emissions: readonly Emission[],
  floorOf: FloorOf,
  reply: string | undefined,
): OutcomeDraft {
  const events = emissions.map((emission) => ({ ...pickEmission(emission), after: floorOf(emission.room) }))
  const value = encodeAnswer({ events, reply })
  if (value.length > maxValueBytes) return tooLarge(command, partition, value.length)
  const holdsRoom = emissions.some(({ room }) => room === command.room)
  return { record: (seen) => answerRecord(command, partition, seen, value), bytes: value.length, holdsRoom }
}

const pickEmission = ({ room, event, contentType, payload }: Emission) => ({ room, event, contentType, payload })

function rejection(command: Command, partition: number, code: string, message: string): OutcomeDraft {
  const told = message.slice(0, maxMessageLength)
  const record = (seen: number) => rejectionRecord(command, partition, seen, code, told)
  return { record, bytes: told.length, holdsRoom: false }
}

const tooLarge = (command: Command, partition: number, bytes: number) =>
  rejection(command, partition, 'app.too_large', `the answer has ${bytes} bytes, ${maxValueBytes} are allowed`)
