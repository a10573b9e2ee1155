/** The brokers of a cluster: who they are, and connections to them, one for each use (a tail, an appender, …). */
import type { Address, Connect, KafkaConnection } from './kafkajs-connection.js'
import { messageOf } from './kafkajs-connection.js'
import type { ClusterMetadata } from './metadata-request.js'
import { metadataRequest } from './metadata-request.js'

const fetchApi = 1
const fetchByTopicId = 13
const controlUse = 'control'

export class Cluster {
  readonly #connect: Connect
  readonly #seeds: readonly Address[]
  readonly #nodes = new Map<number, Address>()
  readonly #connections = new Map<string, Promise<KafkaConnection>>()
  #lastGood: Address | undefined
  #closed = false

  constructor(connect: Connect, seeds: readonly string[]) {
    this.#connect = connect
    this.#seeds = seeds.map(addressOf)
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

  /** A connection to some broker that is up, for requests that any of them answers. */
  async anyConnection(): Promise<KafkaConnection> {
    let fault: unknown = new Error('no Kafka broker is configured')
    for (const address of this.#candidates()) {
      try {
        const connection = await this.#shared(address, controlUse)
        this.#lastGood = address
        return connection
      } catch (error) {
        fault = error
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

  close(): void {
    this.#closed = true
    for (const [key, connection] of this.#connections) this.#drop(key, connection)
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
