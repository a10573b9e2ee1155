import type { AppendRecord, BrokerRecord } from '@roomway/broker'
import type { Position } from '@roomway/protocol'
import { defaultEventName, headerNames, jsonContentType } from './envelope.js'

const idForm = /^.+:\d{1,15}$/s
const numberForm = /^\d{1,15}$/
const offsetForm = /^(-1|\d{1,15})$/

/** What a client asked for, as the gateway wrote it to the log after authenticating the sender and checking the payload. */
export interface Command {
  /** `<session>:<seq>`. */
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
}

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
  return { partition, key: command.room, headers, value: command.payload }
}

/** The command a record holds; undefined for a checkpoint, a marker, or what no gateway wrote. The payload is a copy. */
export function parseCommand(record: BrokerRecord): Command | undefined {
  const { headers, key } = record
  const id = headers[headerNames.id]
  const after = parseAfter(headers[headerNames.after])
  const timeMs = Number(headers[headerNames.time])
  if (
    key === undefined ||
    key.startsWith('$') ||
    id === undefined ||
    !idForm.test(id) ||
    after === undefined ||
    !numberForm.test(headers[headerNames.time] ?? '')
  )
    return undefined
  return {
    id,
    room: key,
    event: headers[headerNames.event] ?? defaultEventName,
    contentType: headers[headerNames.contentType] ?? jsonContentType,
    payload: Uint8Array.from(record.value),
    user: headers[headerNames.user],
    timeMs,
    after,
    wantsReply: headers[headerNames.reply] === '1',
    traceparent: headers[headerNames.traceparent],
  }
}

function parseAfter(text: string | undefined): Position | undefined {
  if (text === undefined) return undefined
  const colon = text.lastIndexOf(':')
  const offset = text.slice(colon + 1)
  return colon > 0 && offsetForm.test(offset) ? { epoch: text.slice(0, colon), offset: Number(offset) } : undefined
}
