import type { AppendRecord } from '@roomway/broker'
import type { Decision } from '@roomway/handlers'
import {
  type Command,
  type Effect,
  headerNames,
  homeOf,
  outcomeHeaders,
  rejectionRecord,
  sessionOf,
  sessionRoomKey,
  systemNames,
} from '@roomway/records'

const jsonNull = new TextEncoder().encode('null')

/** The one record that says what became of a command, in the home of its room. */
export function outcomeRecord(command: Command, decision: Decision, partition: number, seen: number): AppendRecord {
  if (decision.type === 'reject') return rejectionRecord(command, partition, seen, decision.code, decision.message)
  return { partition, key: command.room, headers: outcomeHeaders(command, seen), value: command.payload }
}

/** The further record that the outcome which counts leads to, in the room of the client's own session; undefined where there is none. */
export function derivedRecord(command: Command, effect: Effect, partitions: number): AppendRecord | undefined {
  if (effect.type === 'rejected') return sessionRecord(command, partitions, systemNames.error, effect.error)
  return command.wantsReply ? sessionRecord(command, partitions, systemNames.reply, jsonNull) : undefined
}

function sessionRecord(command: Command, partitions: number, event: string, value: Uint8Array): AppendRecord {
  const key = sessionRoomKey(sessionOf(command.id))
  const headers: Record<string, string> = {
    [headerNames.event]: event,
    [headerNames.id]: `${command.id}.0`,
    [headerNames.time]: String(Date.now()),
  }
  if (command.traceparent !== undefined) headers[headerNames.traceparent] = command.traceparent
  return { partition: homeOf(key, partitions), key, headers, value }
}
