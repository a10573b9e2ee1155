import type {
  Broker,
  BrokerOptions,
  Diagnosis,
  Lease,
  LeaseObserver,
  Log,
  LogName,
  SourceDefinition,
  SourceLog,
} from '@roomway/broker'
import type { SocketOptions } from 'amqplib'
import { Appender } from './appender.js'
import { diagnose } from './diagnosis.js'
import { Epochs } from './epochs.js'
import { within } from './faults.js'
import { Link } from './link.js'
import { QueueLease } from './queue-lease.js'
import { QueueSender } from './queue-sender.js'
import type { ForeignStream } from './sources/foreign-stream.js'
import { openSource } from './sources/open-source.js'
import { diagnoseSources } from './sources/source-diagnosis.js'
import { StreamLog } from './stream-log.js'
import { StreamProbe } from './stream-probe.js'
import {
  exchangeType,
  type Incarnation,
  type Names,
  namesOf,
  type StreamLimits,
  type StreamLogName,
} from './topology.js'

export interface RabbitmqBrokerOptions extends BrokerOptions {
  /** `amqp://user:password@host:port/vhost` or `amqps://…`. Heartbeats are every 10 s unless the URL's `heartbeat` says otherwise. */
  readonly url: string
  /** For `amqps`: certificate authorities, a client's certificate and so on, as Node's `tls.connect` takes them. */
  readonly tls?: Pick<SocketOptions, 'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized'>
  /** Retention of the streams that are declared by this node; those that exist keep theirs. */
  readonly limits?: StreamLimits
}

const defaultMaxQueuedBytes = 64 * 1024 * 1024
const heartbeatSeconds = '10'
const connectMs = 5_000
const openMs = 30_000

/**
 * Opens RabbitMQ 3.10 or later as a broker, over AMQP 0-9-1. Resolves without waiting for the connection, so that `diagnose` can tell
 * what is wrong; `log` and `claim` wait for it, 30 s at most. @throws TypeError where the URL is none.
 */
export async function openRabbitmqBroker(options: RabbitmqBrokerOptions): Promise<Broker> {
  return new RabbitmqBroker(options)
}

class RabbitmqBroker implements Broker {
  readonly kind = 'rabbitmq'
  readonly #options: RabbitmqBrokerOptions
  readonly #names: Names
  readonly #publishing: Link
  readonly #tailing: Link
  readonly #replaying: Link
  readonly #sender: QueueSender
  readonly #probe: StreamProbe
  readonly #epochs: Epochs
  readonly #logs = new Map<StreamLogName, Promise<StreamLog>>()
  readonly #opened = new Map<StreamLogName, StreamLog>()
  readonly #sources = new Map<string, Promise<SourceLog>>()
  readonly #foreign = new Map<StreamLogName, ForeignStream>()
  readonly #leases = new Set<QueueLease>()
  #closing: Promise<void> | undefined

  constructor(options: RabbitmqBrokerOptions) {
    const { logger } = options
    this.#options = options
    this.#names = namesOf(options.prefix)
    const url = new URL(options.url)
    if (!url.searchParams.has('heartbeat')) url.searchParams.set('heartbeat', heartbeatSeconds)
    const link = (purpose: string): Link => {
      const clientProperties = { connection_name: `roomway ${options.prefix} ${purpose}` }
      return new Link(
        purpose,
        url.href,
        { ...options.tls, noDelay: true, timeout: connectMs, clientProperties },
        logger,
      )
    }
    this.#publishing = link('publishing')
    this.#tailing = link('tailing')
    this.#replaying = link('replaying')
    this.#sender = new QueueSender(this.#publishing)
    this.#probe = new StreamProbe(this.#replaying, this.#sender)
    this.#epochs = new Epochs({
      sender: this.#sender,
      reading: this.#tailing,
      probe: this.#probe,
      names: this.#names,
      limits: options.limits ?? {},
      logger,
      onPresent: (incarnation) => {
        const { log } = incarnation
        ;(this.#opened.get(log) ?? this.#foreign.get(log))?.adopt(incarnation)
      },
    })
  }

  log(name: LogName): Promise<Log> {
    return this.#stream(name)
  }

  source(definition: SourceDefinition): Promise<SourceLog> {
    let source = this.#sources.get(definition.name)
    if (source === undefined) {
      source = this.#openSource(definition)
      this.#sources.set(definition.name, source)
      source.catch(() => this.#sources.delete(definition.name))
    }
    return source
  }

  async #openSource(definition: SourceDefinition): Promise<SourceLog> {
    await this.#connected()
    return openSource(definition, {
      tailing: this.#tailing,
      replaying: this.#replaying,
      epochs: this.#epochs,
      logger: this.#options.logger,
      openStream: (name) => this.#stream(name),
      onForeign: (log, stream) => this.#foreign.set(log, stream),
    })
  }

  #stream(name: StreamLogName): Promise<StreamLog> {
    let log = this.#logs.get(name)
    if (log === undefined) {
      log = this.#open(name)
      this.#logs.set(name, log)
      log.catch(() => this.#logs.delete(name))
    }
    return log
  }

  async claim(name: string, partitions: number, observer: LeaseObserver): Promise<Lease> {
    await this.#connected()
    const { logger } = this.#options
    const onClosed = (lease: QueueLease): void => void this.#leases.delete(lease)
    const lease = new QueueLease({
      link: this.#tailing,
      sender: this.#sender,
      names: this.#names,
      logger,
      name,
      partitions,
      observer,
      onClosed,
    })
    this.#leases.add(lease)
    return lease
  }

  async diagnose(sources: readonly SourceDefinition[] = []): Promise<readonly Diagnosis[]> {
    const found = await diagnose({
      link: this.#replaying,
      publishing: this.#publishing,
      epochs: this.#epochs,
      names: this.#names,
      partitions: this.#options.partitions,
      limits: this.#options.limits ?? {},
    })
    if (!this.#replaying.isOpen) return found
    return [...found, ...(await diagnoseSources(this.#replaying, sources))]
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#leases].map((lease) => lease.close()))
    await Promise.all([...this.#foreign.values()].map((source) => source.close()))
    await Promise.all([...this.#opened.values()].map((log) => log.close()))
    await this.#epochs.close()
    await Promise.all([this.#publishing, this.#tailing, this.#replaying].map((link) => link.close()))
  }

  async #open(name: StreamLogName): Promise<StreamLog> {
    await this.#connected()
    const incarnation = await this.#epochs.open(name, partitionsOf(name, this.#options.partitions))
    const log = this.#streamLog(incarnation)
    this.#opened.set(name, log)
    return log
  }

  #streamLog(incarnation: Incarnation): StreamLog {
    const { logger, maxQueuedBytes = defaultMaxQueuedBytes } = this.#options
    const { log: name } = incarnation
    const appender = new Appender({
      link: this.#publishing,
      logger,
      exchange: this.#names.exchange(name),
      keyedByRoute: exchangeType(name) === 'fanout',
      maxQueuedBytes,
      onUnroutable: () =>
        void log.verify().catch((error: unknown) => logger.warn({ log: name, error }, 'a log could not be verified')),
    })
    const log: StreamLog = new StreamLog(incarnation, {
      tailing: this.#tailing,
      replaying: this.#replaying,
      probe: this.#probe,
      epochs: this.#epochs,
      names: this.#names,
      logger,
      appender,
      onClosed: () => this.#forget(name),
    })
    return log
  }

  #forget(name: StreamLogName): void {
    this.#logs.delete(name)
    this.#opened.delete(name)
  }

  async #connected(): Promise<void> {
    if (this.#closing !== undefined) throw new Error('the broker is closed')
    const why = (): string => {
      const error = this.#publishing.lastError ?? this.#tailing.lastError ?? this.#replaying.lastError
      return `RabbitMQ at ${new URL(this.#options.url).host} could not be reached for ${openMs} ms: ${error?.message ?? 'no answer'}`
    }
    await within(Promise.all([this.#publishing.model(), this.#tailing.model(), this.#replaying.model()]), openMs, why)
  }
}

function partitionsOf(log: StreamLogName, partitions: number): number {
  return log === 'events' || log === 'commands' ? partitions : 1
}
