import type { BrokerRecord, Logger } from '@roomway/broker'
import {
  type Command,
  commandRecord,
  headerNames,
  homeOf,
  type Outcome,
  openEventReader,
  RoomDirectory,
  type RoomEvent,
} from '@roomway/records'
import type { MemoryCluster, Topic } from './memory-cluster.js'

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
export const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
export const parse = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes))

/** A room whose home, of so many partitions, is the first. */
export function roomAt(partition: number, partitions = 2): string {
  for (let i = 0; ; i++) if (homeOf(`room:${i}`, partitions) === partition) return `room:${i}`
}

export const room = roomAt(0)

export function command(seq: number, parts: Partial<Command> = {}): Command {
  return {
    id: `s1:${seq}`,
    room,
    event: 'message',
    contentType: 'application/json',
    payload: json({ seq }),
    user: 'ann',
    timeMs: 1_000 + seq,
    after: { epoch: 'e1', offset: -1 },
    wantsReply: false,
    traceparent: undefined,
    ...parts,
  }
}

export function send(cluster: MemoryCluster, ...commands: readonly Command[]): void {
  const { partitions } = cluster.topics.commands
  cluster.topics.commands.land(commands.map((one) => commandRecord(one, homeOf(one.room, partitions.length))))
}

/** What every reader shows of one partition of the events log, from its start. */
export function shownIn(topic: Topic, partition: number): { events: RoomEvent[]; outcomes: Outcome[] } {
  const events: RoomEvent[] = []
  const outcomes: Outcome[] = []
  const directory = new RoomDirectory(topic.partitions.length)
  const reader = openEventReader({ epoch: topic.epoch, partition, directory, onOutcome: (one) => outcomes.push(one) })
  for (const record of topic.partitions[partition]!.records) {
    const event = reader.read(record)
    if (event !== undefined) events.push(event)
  }
  return { events, outcomes }
}

/** The ids of the events that every reader shows in a room. */
export function idsIn(cluster: MemoryCluster, shownRoom = room): string[] {
  const { events } = cluster.topics
  return shownIn(events, homeOf(shownRoom, events.partitions.length))
    .events.filter((event) => event.room === shownRoom)
    .map(({ id }) => id)
}

/** What every reader shows in the room of a session. */
export function sessionEvents(cluster: MemoryCluster, session = 's1'): RoomEvent[] {
  const { events } = cluster.topics
  const key = `$session:${session}`
  return shownIn(events, homeOf(key, events.partitions.length)).events.filter((event) => event.room === key)
}

export const countingOf = (outcomes: readonly Outcome[], id: string) =>
  outcomes.filter((outcome) => outcome.counts && outcome.commandKey === id).length

export const checkpointsIn = (topic: Topic, partition: number) =>
  topic.partitions[partition]!.records.filter(({ key }: BrokerRecord) => key === '$checkpoint').map(
    ({ value }) => parse(value) as { handled: number; events: Record<string, number> },
  )

export const withId = (id: string) => ({ [headerNames.id]: id })
