/*
 * The application tier over logs in memory, whose interleavings a scene decides, with one client: what it publishes is a command at once, and what the product's own reader shows
 * is what it is given. The checker judges it as it judges a run.
 */
import type { AppendRecord } from '@roomway/broker'
import { type Command, homeOf, openEventReader, RoomDirectory, type RoomEvent, sessionRoomKey } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { type AppTier, startAppTier } from '../../../services/app/src/app-tier.js'
import { command, json, room, send, silent } from '../../../services/app/test/fixtures.js'
import { type MemoryClient, MemoryCluster, type Topic } from '../../../services/app/test/memory-cluster.js'
import { check, type Findings } from '../checker/check.js'
import { oracleOf } from '../checker/oracle.js'
import type { RawLogs, RawRecord } from '../checker/raw-log.js'
import { chaosApplication } from '../handlers.js'
import { type AnswerEntry, type ClientJournal, digestOf, type PublishEntry, type RoomEntry } from '../journal.js'
import type { Answer, Request, Wish } from '../workload.js'

const decoder = new TextDecoder()
const session = 's1'

export class MemoryScene {
  readonly cluster = new MemoryCluster()
  readonly #publishes: PublishEntry[] = []
  readonly #tiers: AppTier[] = []

  /** An instance of the app tier that writes checkpoints this often. */
  async app(broker: MemoryClient = this.cluster.client(), everyMs = 10): Promise<AppTier> {
    const pace = { everyMs, everyRecords: 1_000 }
    const tier = await startAppTier({ broker, logger: silent, pace, application: chaosApplication })
    this.#tiers.push(tier)
    return tier
  }

  publish(n: number, wish: Wish, wantsReply = false, after = -1): Command {
    const data: Request = { c: 0, n, wish }
    const made = command(n, { payload: json(data), wantsReply, after: { epoch: 'e1', offset: after } })
    this.#publishes.push({ n, room, wish, wantsReply, status: 'acked', id: made.id })
    send(this.cluster, made)
    return made
  }

  /** Resolves when the command's event is shown. */
  async shown(n: number): Promise<void> {
    const isThere = () => this.#shownIn(room).some(({ id }) => id === `${session}:${n}`)
    await eventually(isThere, 5_000, `the event of command ${n}`)
  }

  /** Resolves when so many replies and rejections are shown. */
  async answered(count: number): Promise<void> {
    await eventually(() => this.#shownIn(sessionRoomKey(session)).length >= count, 5_000, `${count} answers`)
  }

  async judge(): Promise<Findings> {
    const { logs, client } = await this.evidence()
    return judge(logs, client)
  }

  /** What the checker is given, once the instances have ended. */
  async evidence(): Promise<{ logs: RawLogs; client: ClientJournal }> {
    await Promise.all(this.#tiers.map((tier) => tier.close()))
    const { events, commands, dead } = this.cluster.topics
    const answers = this.#shownIn(sessionRoomKey(session)).map(answerOf)
    return {
      logs: { events: rawOf(events), commands: rawOf(commands), dead: rawOf(dead) },
      client: { client: 0, session, publishes: this.#publishes, answers, rooms: [this.#entry()] },
    }
  }

  #entry(): RoomEntry {
    const shown = this.#shownIn(room)
    return {
      room,
      epoch: 'e1',
      position: this.cluster.topics.events.partitions[0]!.next,
      offsets: shown.map(({ offset }) => offset),
      digests: shown.map(({ id, event, payload }) => digestOf(id, event, JSON.parse(decoder.decode(payload)))),
      resets: 0,
    }
  }

  #shownIn(name: string): RoomEvent[] {
    const topic = this.cluster.topics.events
    const partition = homeOf(name, topic.partitions.length)
    const directory = new RoomDirectory(topic.partitions.length)
    const reader = openEventReader({ epoch: topic.epoch, partition, directory })
    const shown = topic.partitions[partition]!.records.map((record) => reader.read(record))
    return shown.filter((event) => event !== undefined).filter((event) => event.room === name)
  }
}

export function judge(logs: RawLogs, client: ClientJournal): Findings {
  const wire = { connects: 0, resumes: 0, recovered: 0, resends: 0 }
  return check(oracleOf(logs), [{ clients: [client], claims: {}, wire }])
}

const rawOf = (topic: Topic): RawRecord[] =>
  topic.partitions.flatMap(({ records }) =>
    records.map((record) => ({ ...record, value: decoder.decode(record.value) })),
  )

function answerOf({ id, event, payload }: RoomEvent): AnswerEntry {
  const data = JSON.parse(decoder.decode(payload)) as unknown
  const answered = { id: id.slice(0, -'.0'.length) }
  if (event === '$reply') return { ...answered, kind: 'reply', run: (data as Answer | null)?.run ?? '' }
  const { code, message } = data as { code: string; message: string }
  return { ...answered, kind: 'rejection', run: message, code }
}

export const isOutcome = (records: readonly AppendRecord[]) => records.some(({ headers }) => 'roomway-seen' in headers)
