import type { AppendRecord, BrokerRecord, RecordHeaders } from '@roomway/broker'
import type { Position } from '@roomway/protocol'
import { defaultEventName, headerNames, jsonContentType } from './envelope.js'
import { outcomeKey } from './outcome.js'

/** Numbers are safe integers: of clients any above 0. */
const sessionIdForm = /^[^\n]+:\d{1,16}$/
const doorForm = /^[a-z][a-z0-9-]{0,31}$/
const numberForm = /^\d{1,15}$/
const offsetForm = /^(-1|\d{1,16})$/

/** What somebody asked for, as the door it came in by wrote it to the log after authenticating the sender and checking the payload. */
export interface Command {
  /** From a gateway: `<session>:<seq>`. From another door: unique within the door and the room. */
  readonly id: string
  readonly room: string
  readonly event: string
  readonly contentType: string
  readonly payload: Uint8Array
  readonly user: string | undefined
  readonly timeMs: number
  /** In the room's events partition: no outcome of this command lies at or below. */
  readonly after: Position
  readonly wantsReply: boolean
  readonly traceparent: string | undefined
  /** The door it came in by; undefined: a gateway. What came by another door has no session to be answered in. */
  readonly door?: string | undefined
}

/** By what the outcomes of a command are told from those of others. */
export const commandKey = ({ id, room, door }: Command): string => outcomeKey(id, room, door)

export function commandRecord(command: Command, partition: number): AppendRecord {
  const headers: Record<string, string> = {
    [headerNames.event]: command.event,
    [headerNames.id]: command.id,
    [headerNames.time]: String(command.timeMs),
    [headerNames.after]: `${command.after.epoch}:${command.after.offset}`,
  }
  if (command.contentType !== jsonContentType) headers[headerNames.contentType] = command.contentType
  if (command.user !== undefined) headers[headerNames.user] = command.user
  if (command.wantsReply) headers[headerNames.reply] = '1'
  if (command.traceparent !== undefined) headers[headerNames.traceparent] = command.traceparent
  if (command.door !== undefined) headers[headerNames.door] = command.door
  return { partition, key: command.room, headers, value: command.payload }
}

/** The command a record holds; undefined for a checkpoint, a marker, or what no door of ours wrote. The payload is a copy. */
export function parseCommand(record: BrokerRecord): Command | undefined {
  const { headers, key } = record
  const id = headers[headerNames.id]
  const after = parseAfter(headers[headerNames.after])
  const isCommand =
    key !== undefined &&
    !key.startsWith('$') &&
    id !== undefined &&
    after !== undefined &&
    numberForm.test(headers[headerNames.time] ?? '') &&
    isId(id, headers[headerNames.door])
  return isCommand
    ? { ...envelopeOf(headers), id, room: key, after, payload: Uint8Array.from(record.value) }
    : undefined
}

function envelopeOf(headers: RecordHeaders) {
  const door = headers[headerNames.door]
  return {
    event: headers[headerNames.event] ?? defaultEventName,
    contentType: headers[headerNames.contentType] ?? jsonContentType,
    user: headers[headerNames.user],
    timeMs: Number(headers[headerNames.time]),
    wantsReply: headers[headerNames.reply] === '1',
    traceparent: headers[headerNames.traceparent],
    ...(door !== undefined && { door }),
  }
}

function isId(id: string, door: string | undefined): boolean {
  return door === undefined ? sessionIdForm.test(id) : id !== '' && doorForm.test(door)
}

function parseAfter(text: string | undefined): Position | undefined {
  if (text === undefined) return undefined
  const colon = text.lastIndexOf(':')
  const offset = text.slice(colon + 1)
  return colon > 0 && offsetForm.test(offset) ? { epoch: text.slice(0, colon), offset: Number(offset) } : undefined
}
