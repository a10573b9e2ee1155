import type { Lease, LeaseObserver, Logger } from '@roomway/broker'
import type { Channel, ConsumeMessage } from 'amqplib'
import { sustain } from './faults.js'
import { channelClosed, closeChannel, type Link, withChannel } from './link.js'
import type { QueueSender } from './queue-sender.js'
import { type ArgumentTable, declareQueue, type Names } from './topology.js'

export interface QueueLeaseTarget {
  readonly link: Link
  readonly sender: QueueSender
  readonly names: Names
  readonly logger: Logger
  readonly name: string
  readonly partitions: number
  readonly observer: LeaseObserver
  /** How often an owner changes its token for a fresh one, in ms. Default 60 000, far below RabbitMQ's limit (30 min) on a delivery's age. */
  readonly renewMs?: number
  onClosed(lease: QueueLease): void
}

const leaseArguments: ArgumentTable = { 'x-queue-type': 'quorum', 'x-single-active-consumer': true, 'x-max-length': 1 }
const membersArguments: ArgumentTable = { 'x-queue-type': 'quorum' }
const token = Buffer.from('token')
const renewMs = 60_000
const balanceMs = 2_000

/**
 * One queue per partition holds a token and carries no data; whoever holds the token unacknowledged owns the partition. The queue has a
 * single active consumer, so tokens beyond the first go to the owner or nobody; `x-max-length` drops them. When the owner's channel
 * closes (its process died, hung past the heartbeat, or gave the partition up) the broker hands the token to the next in the queue.
 *
 * The members' queue tells how many claim the name: its consumers are counted. An owner of more than its share (partitions through members,
 * rounded up), looked at every 2 s, gives the surplus up and queues for it again, behind the others. So the spread is even within a few seconds of a change.
 */
export class QueueLease implements Lease {
  readonly #target: QueueLeaseTarget
  readonly #stop = new AbortController()
  readonly #claims: PartitionClaim[]
  readonly #balance: NodeJS.Timeout
  #closing: Promise<void> | undefined

  constructor(target: QueueLeaseTarget) {
    this.#target = target
    this.#claims = Array.from(
      { length: target.partitions },
      (_unused, partition) => new PartitionClaim(target, partition),
    )
    void sustain(
      this.#stop.signal,
      () => this.#beMember(),
      (error) => {
        target.logger.warn(
          { lease: target.name, error },
          'cannot be counted among the members of a lease; trying again',
        )
        return 'retry'
      },
    )
    this.#balance = setInterval(() => void this.#yieldSurplus().catch(() => undefined), balanceMs)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#balance)
    this.#stop.abort()
    await Promise.all(this.#claims.map((claim) => claim.close()))
    this.#target.onClosed(this)
  }

  async #beMember(): Promise<void> {
    const { link, names, name } = this.#target
    const queue = names.membersQueue(name)
    await declareQueue(link, queue, membersArguments)
    const channel = await link.channel()
    const closed = channelClosed(channel)
    const leave = (): void => void closeChannel(channel)
    if (this.#stop.signal.aborted) return leave()
    this.#stop.signal.addEventListener('abort', leave, { once: true })
    await channel.consume(queue, (message) => (message === null ? leave() : channel.ack(message)))
    await closed
    this.#stop.signal.removeEventListener('abort', leave)
  }

  async #yieldSurplus(): Promise<void> {
    const { link, names, name, partitions } = this.#target
    const owned = this.#claims.filter((claim) => claim.isOwned)
    if (owned.length < 2 || !link.isOpen) return
    const { consumerCount } = await withChannel(link, (channel) => channel.checkQueue(names.membersQueue(name)))
    const share = Math.ceil(partitions / Math.max(consumerCount, 1))
    for (const claim of owned.slice(share)) claim.yield()
  }
}

/** The claim on one partition, on a channel of its own: closing it gives the token back and leaves the queue of consumers at once. */
class PartitionClaim {
  readonly #target: QueueLeaseTarget
  readonly #partition: number
  readonly #queue: string
  readonly #stop = new AbortController()
  #channel: Channel | undefined
  #held: ConsumeMessage | undefined
  #state: 'waiting' | 'owned' = 'waiting'

  constructor(target: QueueLeaseTarget, partition: number) {
    this.#target = target
    this.#partition = partition
    this.#queue = target.names.leaseQueue(target.name, partition)
    void sustain(
      this.#stop.signal,
      () => this.#session(),
      (error) => {
        target.logger.warn({ queue: this.#queue, error }, 'a lease cannot be claimed; trying again')
        return 'retry'
      },
    )
  }

  get isOwned(): boolean {
    return this.#state === 'owned'
  }

  yield(): void {
    const channel = this.#channel
    if (channel !== undefined) void this.#release(channel)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    if (this.#channel !== undefined) await this.#release(this.#channel)
  }

  #release(channel: Channel): Promise<void> {
    this.#lose()
    return closeChannel(channel)
  }

  async #session(): Promise<void> {
    await declareQueue(this.#target.link, this.#queue, leaseArguments)
    const channel = await this.#target.link.channel()
    const closed = channelClosed(channel)
    if (this.#stop.signal.aborted) return closeChannel(channel)
    this.#channel = channel
    const renewal = setInterval(() => void this.#renew(channel), this.#target.renewMs ?? renewMs)
    try {
      await channel.prefetch(1)
      void this.#putToken().then((isThere) => (isThere ? undefined : closeChannel(channel)))
      await channel.consume(this.#queue, (message) => this.#receive(channel, message))
      await closed
    } finally {
      clearInterval(renewal)
      this.#lose()
    }
  }

  #receive(channel: Channel, message: ConsumeMessage | null): void {
    if (channel !== this.#channel || this.#stop.signal.aborted) return
    if (message === null) return void this.#release(channel)
    this.#held = message
    if (message.fields.redelivered) void this.#renew(channel)
    if (this.#state === 'owned') return
    this.#state = 'owned'
    this.#tell('onOwned')
  }

  /** A fresh token for the one held: no token is unacknowledged for long, and none is redelivered often enough to meet a delivery limit. */
  async #renew(channel: Channel): Promise<void> {
    const held = this.#held
    if (held === undefined || !(await this.#putToken()) || channel !== this.#channel || this.#held !== held) return
    this.#held = undefined
    try {
      channel.ack(held)
    } catch {
      // The channel closed meanwhile: the partition is lost anyway.
    }
  }

  /** True where the broker has it. Where not, the token that is held stays as it is, and a claim is made anew. */
  async #putToken(): Promise<boolean> {
    try {
      await this.#target.sender.send(this.#queue, token, {})
      return true
    } catch (error) {
      this.#target.logger.debug({ queue: this.#queue, error }, 'a lease token could not be put into its queue')
      return false
    }
  }

  #lose(): void {
    this.#channel = undefined
    this.#held = undefined
    if (this.#state === 'waiting') return
    this.#state = 'waiting'
    this.#tell('onLost')
  }

  #tell(what: 'onOwned' | 'onLost'): void {
    try {
      this.#target.observer[what](this.#partition)
    } catch (error) {
      this.#target.logger.error({ queue: this.#queue, error, what }, 'an observer of a lease failed')
    }
  }
}
