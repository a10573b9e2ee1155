/*
 * What exactly-once means, said of what readers see. It knows nothing of outcomes, owners or offsets; only of what was acknowledged, what each run of
 * the business logic decided, and what is shown.
 */
import { homeOf, lookbackOffsets, openEventReader, RoomDirectory, type RoomEvent } from '@roomway/records'
import { parse } from '../fixtures.js'
import type { MemoryCluster, Topic } from '../memory-cluster.js'
import { isMade, type Made, partitions, type Run, rooms, type Shown } from './business.js'

export interface Sent {
  readonly id: string
  readonly seq: number
  readonly room: string
  readonly wantsReply: boolean
  isAcked: boolean
}

export interface History {
  readonly cluster: MemoryCluster
  readonly session: string
  readonly sent: readonly Sent[]
  readonly runs: readonly Run[]
  /** Whether the log kept its pace: no append took so long that thousands of others came between. Only then there is an order, and a reply once. */
  readonly isSteady: boolean
}

/** What a reader shows that begins to show at `from`. */
function shownFrom(topic: Topic, partition: number, from = 0): RoomEvent[] {
  const reader = openEventReader({ epoch: topic.epoch, partition, directory: new RoomDirectory(partitions) })
  return topic.partitions[partition]!.records.filter(({ offset }) => offset >= from - lookbackOffsets).flatMap(
    (record) => {
      const event = reader.read(record)
      return event !== undefined && event.offset >= from ? [event] : []
    },
  )
}

/** What is wrong; empty where every rule holds. */
export function faultsOf(history: History): string[] {
  const { events } = history.cluster.topics
  const shown = Array.from({ length: partitions }, (_, partition) => shownFrom(events, partition))
  return [...replayFaults(events, shown), ...effectFaults(history, shown.flat()), ...orderFaults(history, shown.flat())]
}

/** A replay from anywhere shows what the tail showed. */
function replayFaults(topic: Topic, shown: readonly RoomEvent[][]): string[] {
  return shown.flatMap((events, partition) =>
    topic.partitions[partition]!.records.flatMap(({ offset }) => {
      const expected = events.filter((event) => event.offset >= offset).map(placeOf)
      const replayed = shownFrom(topic, partition, offset).map(placeOf)
      return expected.join() === replayed.join()
        ? []
        : [`a replay of ${partition} from ${offset} shows ${replayed.join()}, the tail ${expected.join()}`]
    }),
  )
}

const placeOf = ({ offset, id }: RoomEvent) => `${offset}:${id}`

function effectFaults(history: History, shown: readonly RoomEvent[]): string[] {
  const repeated = repeatedIn(shown.filter(({ room }) => history.isSteady || !room.startsWith('$')))
  return [...repeated, ...history.sent.flatMap((sent) => effectFaultsOf(history, sent, shown))]
}

function repeatedIn(shown: readonly RoomEvent[]): string[] {
  const seen = new Set<string>()
  return shown.flatMap(({ room, id, offset }) => {
    const key = `${room} ${id}`
    const isRepeated = seen.has(key)
    seen.add(key)
    return isRepeated ? [`${id} is shown again in ${room} at ${offset}`] : []
  })
}

/** One effect, complete, out of one run, with what its client is told; none or one where it was not acknowledged. */
function effectFaultsOf({ runs, session }: History, sent: Sent, shown: readonly RoomEvent[]): string[] {
  const events = shown
    .filter(({ room }) => !room.startsWith('$'))
    .filter((event) => contentOf(event).command === sent.id)
  const told = shown.filter(({ room, id }) => room === `$session:${session}` && id === `${sent.id}.0`)
  const fault = (what: string) =>
    `${sent.id} (${sent.isAcked ? 'acked' : 'not acked'}) ${what}: ${describe(events, told)}`
  const found = runOf(sent, runs, events, told)
  if (found === 'none') return sent.isAcked && !mayBeSilent(sent, runs) ? [fault('has no effect')] : []
  if (found === 'mixed') return [fault('has effects of several runs')]
  const expected = found.events?.map(({ room, number }) => `${room}#${number}`) ?? []
  const actual = events.map((event) => `${event.room}#${numberOf(event)}`)
  const isWhole = [...expected].sort().join() === [...actual].sort().join()
  const isTold = (found.events === undefined || sent.wantsReply) === told.length > 0
  return [
    ...(isWhole ? [] : [fault(`is not ${expected.join()}`)]),
    ...(isTold ? [] : [fault('is not answered as it should be')]),
  ]
}

/** The one run that everything shown of a command comes out of. */
function runOf(
  sent: Sent,
  runs: readonly Run[],
  events: readonly RoomEvent[],
  told: readonly RoomEvent[],
): Run | 'none' | 'mixed' {
  const numbers = new Set([...events.flatMap(runNumbersOf), ...told.flatMap(toldRunsOf)])
  const isAccepted = events.some((event) => !isMade(contentOf(event)))
  if (numbers.size + (isAccepted ? 1 : 0) > 1) return 'mixed'
  if (isAccepted) return { command: sent.id, kind: 'accept', events: [{ room: sent.room, number: 0 }] }
  const [number] = numbers
  return number === undefined ? 'none' : runs[number]!
}

/** A run that answered nothing and was asked for no reply leaves nothing to be seen. */
const mayBeSilent = (sent: Sent, runs: readonly Run[]) =>
  !sent.wantsReply && runs.some(({ command, events }) => command === sent.id && events?.length === 0)

const contentOf = ({ payload }: RoomEvent) => parse(payload) as Shown
const numberOf = (event: RoomEvent) => (contentOf(event) as Partial<Made>).number ?? 0
const runNumbersOf = (event: RoomEvent): number[] => {
  const content = contentOf(event)
  return isMade(content) ? [content.run] : []
}
/** A reply to a command that was accepted as it is says nothing of a run. */
const toldRunsOf = ({ event, payload }: RoomEvent): number[] => {
  const content = parse(payload)
  if (event === '$error') return [Number((content as { message: string }).message)]
  return content === null ? [] : [Number(content)]
}

const describe = (events: readonly RoomEvent[], told: readonly RoomEvent[]) =>
  [...events, ...told]
    .map(({ room, offset, payload }) => `${room}@${offset} ${JSON.stringify(parse(payload))}`)
    .join(' ')

/** In each room: what one command of a session led to stands before what the next one to the same room did, and in the order it was emitted. */
function orderFaults({ sent, runs, isSteady }: History, shown: readonly RoomEvent[]): string[] {
  if (!isSteady) return []
  const fickle = new Set(runs.filter(({ kind }) => kind === 'fickle').map(({ command }) => command))
  const bySource = sent.filter(({ id, isAcked }) => isAcked && !fickle.has(id))
  return rooms.flatMap((room) => {
    const here = shown.filter((event) => event.room === room)
    return rooms.flatMap((source) => {
      const from = new Map(bySource.filter((one) => one.room === source).map(({ id, seq }) => [id, seq]))
      const places = here.flatMap((event) => {
        const seq = from.get(contentOf(event).command)
        return seq === undefined ? [] : [seq * 10 + numberOf(event)]
      })
      const isOrdered = places.every((place, i) => i === 0 || places[i - 1]! <= place)
      return isOrdered ? [] : [`${room} shows what came of ${source} in the order ${places.join()}`]
    })
  })
}

export const homeOfRoom = (room: string) => homeOf(room, partitions)
