/** The brokers of a cluster: who they are, and connections to them, one for each use (a tail, an appender, …). */
import { tryPatiently } from './backoff.js'
import { connectionFaultOf, messageOf } from './connection-fault.js'
import type { Address, Connect, KafkaConnection } from './kafkajs-connection.js'
import type { ClusterMetadata } from './metadata-request.js'
import { metadataRequest } from './metadata-request.js'
import type { Settings } from './options.js'

const fetchApi = 1
const fetchByTopicId = 13
const controlUse = 'control'

export class Cluster {
  readonly #connect: Connect
  readonly #settings: Settings
  readonly #seeds: readonly Address[]
  readonly #nodes = new Map<number, Address>()
  readonly #connections = new Map<string, Promise<KafkaConnection>>()
  readonly #hurry = new AbortController()
  #lastGood: Address | undefined
  #closed = false

  constructor(connect: Connect, settings: Settings) {
    this.#connect = connect
    this.#settings = settings
    this.#seeds = settings.brokers.map(addressOf)
  }

  get nodeCount(): number {
    return this.#nodes.size
  }

  get nodeIds(): readonly number[] {
    return [...this.#nodes.keys()]
  }

  /** Asks any broker that answers. @throws the last fault where none does. */
  async metadata(topics: readonly string[]): Promise<ClusterMetadata> {
    const connection = await this.anyConnection()
    const metadata = await connection.send(metadataRequest(topics))
    this.#learn(metadata)
    return metadata
  }

  /**
   * For what is asked while something is opened, whose failing would end the process: asks again, for `openPatienceMs`, where a connection is lost
   * and, once a broker has been reached, where none can be made. A broker that was never there is most likely a wrong address, which is said at once.
   * @throws the fault, with what to do where it did not pass in time
   */
  async insist<T>(ask: () => Promise<T>): Promise<T> {
    const { openPatienceMs, logger } = this.#settings
    let isTold = false
    const mayPass = (fault: unknown): boolean => {
      const isPassing = this.#isPassing(fault)
      if (isPassing && !isTold) logger.warn({ reason: messageOf(fault) }, 'Kafka does not answer; it is asked again')
      isTold ||= isPassing
      return isPassing
    }
    try {
      return await tryPatiently(ask, { patienceMs: openPatienceMs, mayPass, signal: this.#hurry.signal })
    } catch (fault) {
      throw this.#isPassing(fault) ? this.#impatience(fault) : fault
    }
  }

  /** A connection to some broker that is up, for requests that any of them answers. */
  async anyConnection(): Promise<KafkaConnection> {
    let fault: unknown = new Error('no Kafka broker is configured')
    for (const address of this.#candidates()) {
      try {
        const connection = await this.#shared(address, controlUse)
        this.#lastGood = address
        return connection
      } catch (error) {
        // Where one broker is starting and the others are away, there is something to wait for.
        if (connectionFaultOf(fault) !== 'lost') fault = error
      }
    }
    throw new Error(`no Kafka broker can be reached: ${messageOf(fault)}`, { cause: fault })
  }

  /** The connection to this broker for this use; made where there is none, or the last one ended. */
  async connection(nodeId: number, use: string): Promise<KafkaConnection> {
    const address = this.#nodes.get(nodeId)
    if (address === undefined) throw new Error(`Kafka broker ${nodeId} is not known (yet)`)
    return await this.#shared(address, use)
  }

  /** A connection of the caller's own, closed by it, to a broker named by its address. */
  async dedicated(address: Address): Promise<KafkaConnection> {
    this.#failIfClosed()
    return await this.#connect(address)
  }

  /** Closes the connections of one use, rejecting what is in flight on them. */
  hangUp(use: string): void {
    for (const [key, connection] of this.#connections) {
      if (key.endsWith(` ${use}`)) this.#drop(key, connection)
    }
  }

  /** Nothing is waited for any more: what is being opened now is not wanted. */
  hurry(): void {
    this.#hurry.abort()
  }

  close(): void {
    this.#closed = true
    for (const [key, connection] of this.#connections) this.#drop(key, connection)
  }

  #isPassing(fault: unknown): boolean {
    if (this.#hurry.signal.aborted) return false
    const kind = connectionFaultOf(fault)
    return kind === 'lost' || (kind === 'unreachable' && this.#lastGood !== undefined)
  }

  #impatience(fault: unknown): Error {
    const { brokers, openPatienceMs } = this.#settings
    const what = `Kafka (${brokers.join(', ')}) did not answer for ${openPatienceMs} ms: ${messageOf(fault)}`
    const remedy =
      "Check that the brokers are up and stay up (their own logs say why they end a connection), that KAFKA_BROKERS names their clients' listener, and that TLS is on exactly where it wants TLS"
    return new Error(`${what}. ${remedy}`, { cause: fault })
  }

  async #shared(address: Address, use: string): Promise<KafkaConnection> {
    const key = `${address.host}:${address.port} ${use}`
    for (;;) {
      this.#failIfClosed()
      const opening = this.#connections.get(key) ?? this.#open(key, address)
      const connection = await opening
      if (connection.isOpen()) return connection
      if (this.#connections.get(key) === opening) this.#connections.delete(key)
      connection.close()
    }
  }

  #open(key: string, address: Address): Promise<KafkaConnection> {
    const opening = this.#connect(address).then(checked)
    this.#connections.set(key, opening)
    opening.catch(() => {
      if (this.#connections.get(key) === opening) this.#connections.delete(key)
    })
    return opening
  }

  #drop(key: string, connection: Promise<KafkaConnection>): void {
    this.#connections.delete(key)
    connection.then(
      (opened) => opened.close(),
      () => undefined,
    )
  }

  #learn(metadata: ClusterMetadata): void {
    if (metadata.nodes.length === 0) return
    this.#nodes.clear()
    for (const { nodeId, host, port } of metadata.nodes) this.#nodes.set(nodeId, { host, port })
  }

  #candidates(): Address[] {
    const all = [...(this.#lastGood === undefined ? [] : [this.#lastGood]), ...this.#nodes.values(), ...this.#seeds]
    const unique = new Map(all.map((address) => [`${address.host}:${address.port}`, address]))
    return [...unique.values()]
  }

  #failIfClosed(): void {
    if (this.#closed) throw new Error('the Kafka broker was closed')
  }
}

function checked(connection: KafkaConnection): KafkaConnection {
  const offered = connection.broker.versions[fetchApi]?.maxVersion ?? 0
  if (offered >= fetchByTopicId) return connection
  connection.close()
  throw new Error(
    `Kafka at ${connection.address.host}:${connection.address.port} is older than 3.1: it cannot read a topic by its ID ` +
      `(fetch version ${offered}, ${fetchByTopicId} is needed). Upgrade the brokers`,
  )
}

/** `host:port`, with IPv6 addresses in brackets. */
function addressOf(seed: string): Address {
  const colon = seed.lastIndexOf(':')
  const port = Number(seed.slice(colon + 1))
  if (colon <= 0 || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error(`"${seed}" is no Kafka address: write host:port`)
  }
  return { host: seed.slice(0, colon).replace(/^\[|\]$/g, ''), port }
}
