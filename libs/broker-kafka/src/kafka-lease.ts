/**
 * A lease by Kafka's group protocol, without a topic and without fetching: the instances that claim a name are the members of the group
 * `<prefix>.<name>`, whose leader shares the partitions out. A partition stays with its owner during a rebalance. An instance that
 * leaves is noticed by the others within a heartbeat, one that hangs within the session timeout.
 */
import type { Lease, LeaseObserver, Logger } from '@roomway/broker'
import { backoffMs, pause, settledWithin } from './backoff.js'
import type { Cluster } from './cluster.js'
import { messageOf } from './connection-fault.js'
import type { Address, JoinResponse, KafkaConnection } from './kafkajs-connection.js'
import { protocolErrorOf } from './kafkajs-connection.js'
import type { LeaseMember } from './lease-assignment.js'
import { assignPartitions } from './lease-assignment.js'

const protocolType = 'roomway-lease'
const protocolName = 'sticky'
const consumerGroup = 0
const heartbeatsPerSession = 10
const closePatienceMs = 3_000

export interface LeaseOptions {
  readonly cluster: Cluster
  readonly group: string
  readonly partitions: number
  readonly observer: LeaseObserver
  readonly sessionTimeoutMs: number
  readonly logger: Logger
  readonly onClosed: (lease: KafkaLease) => void
}

export class KafkaLease implements Lease {
  readonly #options: LeaseOptions
  readonly #owned = new Set<number>()
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #memberId = ''
  #generationId = -1
  #coordinator: Address | undefined
  #connection: KafkaConnection | undefined
  #watchdog: NodeJS.Timeout | undefined
  #closed: Promise<void> | undefined

  constructor(options: LeaseOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#stop.abort()
    this.#own([])
    clearTimeout(this.#watchdog)
    // A join that has no member ID yet must be answered first: nobody could take the new member out before its session ends.
    if (this.#memberId !== '') this.#connection?.close()
    await settledWithin(this.#running, closePatienceMs)
    await settledWithin(this.#leave(), closePatienceMs)
    this.#connection?.close()
    this.#options.onClosed(this)
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted; failures++) {
      try {
        this.#connection = await this.#connectToCoordinator()
        for (;;) {
          await this.#join(this.#connection)
          failures = 0
          await this.#keepAlive(this.#connection)
          if (this.#stop.signal.aborted) return
        }
      } catch (error) {
        this.#connection?.close()
        this.#fault(error)
      }
      await pause(backoffMs(failures), this.#stop.signal)
    }
  }

  async #connectToCoordinator(): Promise<KafkaConnection> {
    const { cluster, group } = this.#options
    const any = await cluster.anyConnection()
    const { coordinator } = await any.broker.findGroupCoordinator({ groupId: group, coordinatorType: consumerGroup })
    this.#coordinator = { host: coordinator.host, port: coordinator.port }
    return await cluster.dedicated(this.#coordinator)
  }

  /** Becomes a member, or remains one through a rebalance. */
  async #join({ broker }: KafkaConnection): Promise<void> {
    const { group, sessionTimeoutMs } = this.#options
    const joined = await broker.joinGroup({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: sessionTimeoutMs,
      memberId: this.#memberId,
      protocolType,
      groupProtocols: [{ name: protocolName, metadata: this.#metadata() }],
    })
    this.#memberId = joined.memberId
    const { memberId, generationId } = joined
    const groupAssignment = joined.leaderId === memberId ? this.#share(joined) : []
    const { memberAssignment } = await broker.syncGroup({ groupId: group, generationId, memberId, groupAssignment })
    this.#generationId = generationId
    this.#alive()
    this.#own(partitionsOf(memberAssignment))
  }

  /** Beats until the group changes. @throws where the membership is over, or the coordinator gone */
  async #keepAlive({ broker }: KafkaConnection): Promise<void> {
    const { group, sessionTimeoutMs } = this.#options
    for (;;) {
      await pause(sessionTimeoutMs / heartbeatsPerSession, this.#stop.signal)
      if (this.#stop.signal.aborted) return
      try {
        await broker.heartbeat({ groupId: group, groupGenerationId: this.#generationId, memberId: this.#memberId })
        this.#alive()
      } catch (error) {
        if (protocolErrorOf(error) === 'REBALANCE_IN_PROGRESS') return
        throw error
      }
    }
  }

  #fault(error: unknown): void {
    if (this.#stop.signal.aborted) return
    const type = protocolErrorOf(error)
    const reason = type ?? messageOf(error)
    this.#options.logger.debug({ group: this.#options.group, reason }, 'a lease joins its group again')
    if (type !== 'UNKNOWN_MEMBER_ID' && type !== 'ILLEGAL_GENERATION') return
    this.#memberId = ''
    this.#own([])
  }

  /** The coordinator has just heard from us; where it does not for a session, others own our partitions. */
  #alive(): void {
    clearTimeout(this.#watchdog)
    if (this.#stop.signal.aborted) return
    this.#watchdog = setTimeout(() => this.#own([]), this.#options.sessionTimeoutMs)
  }

  #own(partitions: readonly number[]): void {
    const wanted = new Set(this.#stop.signal.aborted ? [] : partitions)
    for (const partition of this.#owned) {
      if (!wanted.has(partition)) this.#tell('onLost', partition)
    }
    for (const partition of wanted) {
      if (!this.#owned.has(partition)) this.#tell('onOwned', partition)
    }
  }

  #tell(change: 'onOwned' | 'onLost', partition: number): void {
    if (change === 'onOwned') this.#owned.add(partition)
    else this.#owned.delete(partition)
    try {
      this.#options.observer[change](partition)
    } catch (error) {
      this.#options.logger.error(
        { group: this.#options.group, partition, err: error },
        'the observer of a lease failed',
      )
    }
  }

  async #leave(): Promise<void> {
    if (this.#memberId === '' || this.#coordinator === undefined) return
    try {
      const connection = await this.#options.cluster.dedicated(this.#coordinator)
      await connection.broker
        .leaveGroup({ groupId: this.#options.group, memberId: this.#memberId })
        .finally(() => connection.close())
    } catch (error) {
      const reason = messageOf(error)
      this.#options.logger.debug({ group: this.#options.group, reason }, 'a lease could not leave its group')
    }
  }

  #metadata(): Buffer {
    return Buffer.from(JSON.stringify({ partitions: this.#options.partitions, owned: [...this.#owned] }))
  }

  #share(joined: JoinResponse): { memberId: string; memberAssignment: Buffer }[] {
    const told = joined.members.map(({ memberId, memberMetadata }) => ({ id: memberId, ...metadataOf(memberMetadata) }))
    const shares = assignPartitions(told, Math.max(...told.map((member) => member.partitions)))
    return [...shares].map(([memberId, partitions]) => ({
      memberId,
      memberAssignment: Buffer.from(JSON.stringify(partitions)),
    }))
  }
}

function metadataOf(metadata: Buffer): Pick<LeaseMember, 'owned'> & { partitions: number } {
  const { partitions, owned } = JSON.parse(metadata.toString()) as { partitions: number; owned: number[] }
  return { partitions, owned }
}

function partitionsOf(assignment: Buffer | null): number[] {
  return assignment === null || assignment.length === 0 ? [] : (JSON.parse(assignment.toString()) as number[])
}
