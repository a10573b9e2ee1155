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
  const form = formOf(command, decision)
  switch (form.type) {
    case 'rejection':
      return rejection(command, partition, form.code, form.message)
    case 'event':
      return oneEvent(command, partition, form.shown, form.reply)
    case 'answer':
      return answer(command, partition, form.emissions, floorOf, form.reply)
  }
}

/** The rooms whose floors a draft needs. */
export function roomsOf(command: Command, decision: Decision): readonly string[] {
  const form = formOf(command, decision)
  return form.type === 'answer' ? form.emissions.map(({ room }) => room) : []
}

type Form =
  | { readonly type: 'rejection'; readonly code: string; readonly message: string }
  | { readonly type: 'event'; readonly shown: ShownEvent; readonly reply: string | undefined }
  | { readonly type: 'answer'; readonly emissions: readonly Emission[]; readonly reply: string | undefined }

function formOf(command: Command, decision: Decision): Form {
  if (decision.type === 'reject') return { type: 'rejection', code: decision.code, message: decision.message }
  const asked = command.wantsReply ? decision.reply : undefined
  const reply = asked && decoder.decode(asked)
  const emissions = decision.type === 'accept' ? [command] : decision.events
  const [first] = emissions
  const isOneEvent = emissions.length === 1 && first?.room === command.room
  return isOneEvent && (asked?.length ?? 0) <= maxHeaderReplyBytes
    ? { type: 'event', shown: first, reply }
    : { type: 'answer', emissions, reply }
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
