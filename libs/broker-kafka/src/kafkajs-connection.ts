/**
 * The only file that uses kafkajs (connection-fault.ts knows its errors, raw-connection.ts mends its connections). Its client is used for
 * what it is good at, authenticated connections (SASL, TLS) and the group and admin requests; its producer, consumer and fetcher are not
 * used. That takes internals, so its version is pinned exactly (2.2.4): `createCluster` behind a symbol of the client, from it the builder
 * of connection pools and the class of its brokers.
 */
import type { Logger } from '@roomway/broker'
import type { LogEntry } from 'kafkajs'
import { Kafka, logLevel } from 'kafkajs'
import { ConnectionLostError, connectionFaultOf, messageOf } from './connection-fault.js'
import type { Settings } from './options.js'
import { mend, type RawConnection } from './raw-connection.js'
import { openResponseSocket } from './response-socket.js'

/** A protocol request of our own. `body` excludes the request header; for a flexible version it starts with the header's empty tag section. */
export interface WireRequest<T> {
  readonly apiKey: number
  readonly apiVersion: number
  readonly apiName: string
  readonly body: Buffer
  /** Gets the response after the correlation id; for a flexible version its first byte is the header's tag section. */
  readonly decode: (response: Buffer) => T
  /** How long the broker may take on purpose (a long poll), on top of which the request timeout counts. Default 0. */
  readonly waitMs?: number
}

export interface Address {
  readonly host: string
  readonly port: number
}

interface ConnectionPool {
  readonly pool: RawConnection[]
}

export interface ApiVersions {
  readonly [apiKey: number]: { readonly minVersion: number; readonly maxVersion: number }
}

export interface JoinResponse {
  readonly generationId: number
  readonly leaderId: string
  readonly memberId: string
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[]
}

export interface ConfigResource {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly resourceName: string
  readonly configEntries: readonly { readonly configName: string; readonly configValue: string | null }[]
}

/** What is used of kafkajs's own Broker class: one method per request, errors thrown with a `type`. */
export interface RawBroker {
  readonly versions: ApiVersions
  connect(): Promise<void>
  disconnect(): Promise<void>
  createTopics(request: { topics: object[]; timeout: number }): Promise<unknown>
  describeConfigs(request: { resources: object[] }): Promise<{ resources: readonly ConfigResource[] }>
  findGroupCoordinator(request: { groupId: string; coordinatorType: number }): Promise<{ coordinator: Address }>
  joinGroup(request: {
    groupId: string
    sessionTimeout: number
    rebalanceTimeout: number
    memberId: string
    protocolType: string
    groupProtocols: { name: string; metadata: Buffer }[]
  }): Promise<JoinResponse>
  syncGroup(request: {
    groupId: string
    generationId: number
    memberId: string
    groupAssignment: { memberId: string; memberAssignment: Buffer }[]
  }): Promise<{ memberAssignment: Buffer }>
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>
}

interface RawCluster {
  readonly rootLogger: object
  readonly connectionPoolBuilder: { build(address: Address): Promise<ConnectionPool> }
  readonly brokerPool: { createBroker(options: object): RawBroker }
}

/** An authenticated connection to one broker. Ends with its first connection fault: make another one then. */
export interface KafkaConnection {
  readonly address: Address
  readonly broker: RawBroker
  isOpen(): boolean
  /** @throws when the connection fails or the answer takes too long; the connection is closed then. */
  send<T>(request: WireRequest<T>): Promise<T>
  /** Idempotent. Requests in flight are rejected. */
  close(): void
}

export type Connect = (address: Address) => Promise<KafkaConnection>

/** Gives the way to open connections with these settings. Nothing is connected yet. */
export function connector(settings: Settings): Connect {
  const cluster = rawCluster(settings)
  return async (address) => {
    const pool = await cluster.connectionPoolBuilder.build(address)
    for (const connection of pool.pool) mend(connection)
    const broker = cluster.brokerPool.createBroker({ connectionPool: pool, logger: cluster.rootLogger })
    const connection = new Connection(address, broker, pool.pool, settings.requestTimeoutMs)
    try {
      await broker.connect()
    } catch (cause) {
      connection.close()
      throw new Error(`cannot connect to Kafka at ${address.host}:${address.port}: ${messageOf(cause)}`, { cause })
    }
    return connection
  }
}

class Connection implements KafkaConnection {
  readonly address: Address
  readonly broker: RawBroker
  readonly #pool: readonly RawConnection[]
  readonly #raw: RawConnection
  readonly #requestTimeoutMs: number
  #closed = false
  #previous: Promise<unknown> = Promise.resolve()

  constructor(address: Address, broker: RawBroker, pool: readonly RawConnection[], requestTimeoutMs: number) {
    this.address = address
    this.broker = broker
    this.#pool = pool
    this.#raw = pool[0]!
    this.#requestTimeoutMs = requestTimeoutMs
  }

  isOpen(): boolean {
    return !this.#closed && this.#raw.isConnected()
  }

  /**
   * One after the other, as the broker handles a connection's requests anyway: kafkajs takes the next bytes that come for the answer
   * when it has to authenticate again in the middle of a connection's life.
   */
  send<T>(request: WireRequest<T>): Promise<T> {
    const sent = this.#previous.then(() => this.#send(request))
    this.#previous = sent.catch(() => undefined)
    return sent
  }

  async #send<T>(request: WireRequest<T>): Promise<T> {
    const { host, port } = this.address
    if (!this.isOpen()) throw new ConnectionLostError(`connection to ${host}:${port} is closed`)
    try {
      return (await this.#raw.send(protocolOf(request, this.#requestTimeoutMs))) as T
    } catch (cause) {
      this.close()
      if (connectionFaultOf(cause) !== 'lost') throw cause
      throw new ConnectionLostError(`connection to ${host}:${port} was lost: ${messageOf(cause)}`, { cause })
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    const { host, port } = this.address
    for (const connection of this.#pool) {
      connection.requestQueue.rejectAll(new ConnectionLostError(`connection to ${host}:${port} was closed`))
      // A failed hang-up leaves nothing to do: the socket is gone either way.
      connection.disconnect().catch(() => undefined)
      connection.socket?.destroy()
    }
  }
}

/** kafkajs wants an encoder and promises; the encoder is recognised by its `buffer`. */
function protocolOf<T>(request: WireRequest<T>, requestTimeoutMs: number): object {
  const { apiKey, apiVersion, apiName, body } = request
  return {
    request: { apiKey, apiVersion, apiName, encode: () => Promise.resolve({ buf: body, buffer: body }) },
    response: {
      decode: (payload: Buffer) => Promise.resolve({ clientSideThrottleTime: 0, value: request.decode(payload) }),
      parse: (decoded: { value: T }) => Promise.resolve(decoded.value),
    },
    requestTimeout: requestTimeoutMs + (request.waitMs ?? 0),
  }
}

function rawCluster(settings: Settings): RawCluster {
  const kafka = new Kafka({
    brokers: [...settings.brokers],
    clientId: settings.clientId,
    connectionTimeout: settings.connectTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    retry: { retries: 0, initialRetryTime: 100 },
    logLevel: logLevel.WARN,
    logCreator: () => logTo(settings.logger),
    socketFactory: openResponseSocket,
    ...(settings.ssl === undefined ? {} : { ssl: settings.ssl }),
    ...(settings.sasl === undefined ? {} : { sasl: settings.sasl }),
  })
  const symbol = Object.getOwnPropertySymbols(kafka).find((s) => s.description === 'private:Kafka:createCluster')
  if (symbol === undefined) throw new Error('this kafkajs has no createCluster: install exactly version 2.2.4')
  const createCluster = (kafka as unknown as Record<symbol, (options: object) => RawCluster>)[symbol]!
  return createCluster({ allowAutoTopicCreation: false, metadataMaxAge: settings.metadataMaxAgeMs })
}

/** kafkajs calls every lost connection an error; this adapter retries them and tells what it gives up itself, so they are debug here. */
function logTo(logger: Logger): (entry: LogEntry) => void {
  return ({ namespace, level, log }) => {
    const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...fields } = log
    const told = { ...fields, kafkajs: namespace }
    if (level === logLevel.WARN) logger.warn(told, message)
    else logger.debug(told, message)
  }
}

/** The name of the protocol error that a request through kafkajs's Broker ended with, such as `REBALANCE_IN_PROGRESS`. */
export function protocolErrorOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { type, errors } = error as { type?: unknown; errors?: unknown }
  if (typeof type === 'string') return type
  return Array.isArray(errors) ? protocolErrorOf(errors[0]) : undefined
}
