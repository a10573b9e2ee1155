import type { AppendRecord } from '@roomway/broker'
import {
  type Command,
  type Effect,
  headerNames,
  homeOf,
  sessionOf,
  sessionRoomKey,
  systemNames,
} from '@roomway/records'

const encoder = new TextEncoder()

/**
 * What the client is told of the outcome that counts, in the room of its own session: an error of a rejection, and a reply where it asked for one.
 * Undefined where there is nothing to tell, or nobody: what came by another door than a gateway has no session.
 */
export function sessionReply(command: Command, effect: Effect, partitions: number): AppendRecord | undefined {
  if (command.door !== undefined) return undefined
  if (effect.type === 'rejected') return sessionRecord(command, partitions, systemNames.error, effect.error)
  if (!command.wantsReply) return undefined
  const reply = effect.type === 'event' ? effect.reply : effect.answer.reply
  return sessionRecord(command, partitions, systemNames.reply, encoder.encode(reply ?? 'null'))
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
