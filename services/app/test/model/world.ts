/*
 * The world of the model: a client, two gateways, a broker, and instances of the app tier, of which the last are the real thing. Nothing happens
 * but by a step: an owner reads no further than it is let, and an append is under way until a step says what becomes of it. A step
 * returns whether it changed anything.
 */
import { AppendError, type AppendRecord, type LogName } from '@roomway/broker'
import { type Command, commandRecord, RoomDirectory } from '@roomway/records'
import { serveCommands } from '../../src/commands/command-owner.js'
import { DeadLetters } from '../../src/duties/dead-letters.js'
import { AppCounters } from '../../src/operations/app-counters.js'
import { json, silent } from '../fixtures.js'
import { type MemoryClient, MemoryCluster } from '../memory-cluster.js'
import { Business, type Kind, partitions, rooms, type Wish } from './business.js'
import { type History, homeOfRoom, type Sent } from './checker.js'

export const session = 's1'
/** `lost`: it landed, and its writer does not know. `late`: its writer does not know, and it lands some time later. */
export const fates = ['acked', 'lost', 'late', 'failed'] as const
export type Fate = (typeof fates)[number]

interface Append {
  readonly log: LogName
  readonly records: readonly AppendRecord[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

interface Owner {
  readonly client: MemoryClient
  readonly stop: AbortController
  readonly limits: Map<string, number>
  readonly underWay: Append[]
  /** Reads everything and has every append land at once. */
  isFree: boolean
  /** What it asks of the broker is not asked any more. */
  isDead: boolean
}

const logs = ['commands', 'events'] as const
const turnsPerStep = 3
const unasked = () => undefined

export class World {
  readonly cluster = new MemoryCluster(partitions)
  readonly business = new Business()
  readonly counters = new AppCounters()
  readonly sent: Sent[] = []
  readonly failures: string[] = []
  isSteady = true
  readonly #records = new Map<string, AppendRecord>()
  readonly #gateways: [Sent[], Sent[]] = [[], []]
  readonly #owners: [Owner | undefined, Owner | undefined] = [undefined, undefined]
  readonly #all: Owner[] = []
  /** Appends that nobody waits for any more and that may land yet. */
  readonly #late: Append[] = []
  #gateway: 0 | 1 = 0
  #hasGivenUp = new Set<Sent>()

  /** The client publishes its next command. `lag`: how far behind the gateway is. */
  publish(roomNumber: number, kind: Kind, wantsReply: boolean, lag: number): boolean {
    const room = rooms[roomNumber]!
    const seq = this.sent.length + 1
    const sent = { id: `${session}:${seq}`, seq, room, wantsReply, isAcked: false }
    const offset = Math.max(-1, this.cluster.topics.events.partitions[homeOfRoom(room)]!.next - 1 - lag)
    const command: Command = {
      id: sent.id,
      room,
      event: 'asked',
      contentType: 'application/json',
      payload: json({ command: sent.id, kind } satisfies Wish),
      user: undefined,
      timeMs: 1,
      after: { epoch: 'e1', offset },
      wantsReply,
      traceparent: undefined,
    }
    this.sent.push(sent)
    this.#records.set(sent.id, commandRecord(command, homeOfRoom(room)))
    this.#gateways[this.#gateway].push(sent)
    return false
  }

  /** What a gateway holds of a partition is appended, as one batch. */
  gatewayAppends(gateway: 0 | 1, partition: number, fate: Fate): boolean {
    const queue = this.#gateways[gateway]
    const batch = queue.filter(({ room }) => homeOfRoom(room) === partition)
    if (batch.length === 0 || fate === 'failed') return false
    const records = batch.map(({ id }) => this.#records.get(id)!)
    if (fate === 'late') this.#late.push({ log: 'commands', records, resolve: unasked, reject: unasked })
    else this.cluster.topics.commands.land(records)
    if (fate !== 'acked') return true
    this.#gateways[gateway] = queue.filter((one) => !batch.includes(one))
    if (gateway === this.#gateway) for (const one of batch) one.isAcked ||= !this.#hasGivenUp.has(one)
    return true
  }

  /** The client comes to the other gateway and sends again what was not acknowledged; what the former one holds stays where it is. */
  clientMoves(): boolean {
    this.#gateway = this.#gateway === 0 ? 1 : 0
    this.#gateways[this.#gateway].push(...this.#unacked())
    return false
  }

  /** What was not acknowledged has failed for the client: whether it has taken effect is unknown. */
  clientGivesUp(): boolean {
    for (const one of this.#unacked()) this.#hasGivenUp.add(one)
    return false
  }

  ownerStarts(slot: 0 | 1): boolean {
    if (this.#owners[slot] !== undefined) return false
    this.#owners[slot] = this.#start()
    return true
  }

  /** `dies`: with what it had under way, which may land yet. Else it gives its partitions up. */
  ownerEnds(slot: 0 | 1, how: 'dies' | 'leaves'): boolean {
    const owner = this.#owners[slot]
    if (owner === undefined) return false
    this.#owners[slot] = undefined
    owner.isDead = how === 'dies'
    owner.stop.abort()
    this.#late.push(...owner.underWay.splice(0))
    return true
  }

  ownerReads(slot: 0 | 1, log: (typeof logs)[number], partition: number, most: number): boolean {
    const owner = this.#owners[slot]
    const end = this.cluster.topics[log].partitions[partition]!.next
    const limit = owner?.limits.get(`${log} ${partition}`) ?? 0
    if (owner === undefined || limit >= end) return false
    owner.limits.set(`${log} ${partition}`, Math.min(end, limit + most))
    this.cluster.topics[log].wake()
    return true
  }

  ownerAppends(slot: 0 | 1, which: number, fate: Fate): boolean {
    const owner = this.#owners[slot]
    const append = owner?.underWay.splice(which % Math.max(1, owner.underWay.length), 1)[0]
    if (append !== undefined) this.#conclude(append, fate)
    return append !== undefined
  }

  lateLands(which: number): boolean {
    const append = this.#late.splice(which % Math.max(1, this.#late.length), 1)[0]
    if (append === undefined) return false
    this.cluster.topics[append.log].land(append.records)
    append.resolve()
    return true
  }

  othersWrite(partition: number, offsets: number): boolean {
    this.isSteady = false
    this.cluster.topics.events.skip(partition, offsets)
    return true
  }

  /** Everybody does what is to be done, one owner more than there are; what is late lands or does not. */
  async finish(fate: {
    readonly gatewaysLand: boolean
    readonly lateLands: 'before' | 'after' | 'never'
    readonly ownersGoOn: boolean
  }): Promise<void> {
    for (const gateway of [0, 1] as const)
      for (let partition = 0; partition < partitions; partition++)
        if (fate.gatewaysLand || gateway === this.#gateway) this.gatewayAppends(gateway, partition, 'lost')
    if (fate.lateLands === 'before') this.#landLate()
    this.clientMoves()
    for (let partition = 0; partition < partitions; partition++) this.gatewayAppends(this.#gateway, partition, 'acked')
    for (const slot of [0, 1] as const) if (!fate.ownersGoOn) this.ownerEnds(slot, 'dies')
    for (const owner of this.#owners) if (owner !== undefined) this.#free(owner)
    this.#free(this.#start())
    await this.#untilQuiet()
    if (fate.lateLands === 'after') this.#landLate()
    await this.#untilQuiet()
  }

  async close(): Promise<void> {
    for (const owner of this.#all) {
      owner.isDead = true
      owner.stop.abort()
      for (const append of owner.underWay.splice(0)) append.resolve()
    }
    for (const append of this.#late.splice(0)) append.resolve()
    await turns()
  }

  get history(): History {
    const { cluster, sent, isSteady } = this
    return { cluster, session, sent, runs: this.business.runs, isSteady }
  }

  #unacked(): Sent[] {
    return this.sent.filter((one) => !one.isAcked && !this.#hasGivenUp.has(one))
  }

  #start(): Owner {
    const client = this.cluster.client()
    const owner: Owner = {
      client,
      stop: new AbortController(),
      limits: new Map(),
      underWay: [],
      isFree: false,
      isDead: false,
    }
    client.readLimit = (log, partition) =>
      owner.isFree ? Number.POSITIVE_INFINITY : (owner.limits.get(`${log} ${partition}`) ?? 0)
    client.onAppend = (log, records) =>
      new Promise((resolve, reject) => {
        const append = { log, records, resolve, reject }
        if (owner.isFree) this.#conclude(append, 'acked')
        else if (!owner.isDead) (owner.stop.signal.aborted ? this.#late : owner.underWay).push(append)
      })
    this.#all.push(owner)
    void this.#serve(owner)
    return owner
  }

  async #serve({ client, stop }: Owner): Promise<void> {
    const [events, commands, dead] = await Promise.all([
      client.log('events'),
      client.log('commands'),
      client.log('dead'),
    ])
    const serve = serveCommands({
      repeatSpanMs: 180_000,
      commands,
      events,
      dead: new DeadLetters(dead, silent, this.counters),
      application: { decide: this.business.decide },
      handlerDeadlineMs: 600_000,
      logger: silent,
      counters: this.counters,
      trace: () => undefined,
      pace: { everyMs: 2 ** 30, everyRecords: 2 },
      directory: () => new RoomDirectory(partitions),
    })
    for (let partition = 0; partition < partitions; partition++) {
      serve(partition, stop.signal, () => undefined).catch((error: unknown) => {
        if (!stop.signal.aborted) this.failures.push(`an owner failed: ${String(error)}`)
      })
    }
  }

  #free(owner: Owner): void {
    owner.isFree = true
    for (const append of owner.underWay.splice(0)) this.#conclude(append, 'acked')
    for (const log of logs) this.cluster.topics[log].wake()
  }

  #conclude(append: Append, fate: Fate): void {
    const { log, records, resolve, reject } = append
    if (fate === 'acked' || fate === 'lost') this.cluster.topics[log].land(records)
    if (fate === 'late') this.#late.push({ log, records, resolve: unasked, reject: unasked })
    if (fate === 'acked') resolve()
    else reject(new AppendError(fate === 'failed' ? 'not-appended' : 'unknown', 'the answer is lost'))
  }

  #landLate(): void {
    while (this.#late.length > 0) this.lateLands(0)
  }

  /** Until nothing is written any more. */
  async #untilQuiet(): Promise<void> {
    for (let quiet = 0, before = -1; quiet < 3; ) {
      await turns(5)
      const written = logs
        .flatMap((log) => this.cluster.topics[log].partitions)
        .reduce((sum, { next }) => sum + next, 0)
      quiet = written === before ? quiet + 1 : 0
      before = written
    }
  }
}

/** Lets everything happen that can happen without another step. */
export async function turns(count = turnsPerStep): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}
