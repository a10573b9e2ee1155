import type { BrokerRecord } from '@roomway/broker'
import {
  type EventReader,
  type EventReaderOptions,
  headerNames,
  homeOf,
  openEventReader,
  RoomDirectory,
} from '@roomway/records'

export const partitions = 4
export const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

/** Rooms whose home is the partition given. */
export function roomsOf(partition: number, count: number): string[] {
  const rooms: string[] = []
  for (let i = 0; rooms.length < count; i++) if (homeOf(`room:${i}`, partitions) === partition) rooms.push(`room:${i}`)
  return rooms
}

export function record(
  offset: number,
  key: string | undefined,
  headers: Record<string, string> = {},
  value = json(1),
): BrokerRecord {
  return { partition: 0, offset, key, headers, value, timeMs: 1_000 + offset }
}

export const withId = (id: string) => ({ [headerNames.id]: id })
export const outcomeOf = (id: string, seen: number) => ({
  [headerNames.id]: id,
  [headerNames.seen]: String(seen),
  [headerNames.time]: '5',
})

export function readerOf(options: Partial<EventReaderOptions> = {}): EventReader {
  return openEventReader({ epoch: 'e1', partition: 0, directory: new RoomDirectory(partitions), ...options })
}
