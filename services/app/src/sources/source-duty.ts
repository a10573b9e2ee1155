import { setTimeout as delay } from 'node:timers/promises'
import type { Broker, Log, SourceLog } from '@roomway/broker'
import type { SourceConfig } from '@roomway/config'
import { PartitionDuties } from '../duties/partition-duties.js'
import { atMost } from '../duties/service-run.js'
import type { MovedLog } from '../moving/moved-log.js'
import { type MoverOptions, serveMoves } from '../moving/mover.js'
import type { SourceTally } from '../operations/source-tally.js'
import { sourceJudge, sourcePlace } from './source-copy.js'
import { SourceProgress } from './source-progress.js'

export interface SourceDutyOptions extends MoverOptions {
  readonly broker: Broker
  /** The log `sources`. */
  readonly sources: Log
  readonly tally: SourceTally
}

const firstDelayMs = 500
const maxDelayMs = 15_000
/** A broker that is away may take longer to say so. */
const closeMs = 5_000
/** Partitions that are added to a topic are found by then. */
const lookMs = 5_000

/**
 * Copies one source for as long as it is open: opens it, again and again where it is not there, and serves the partitions that the lease `source.<name>`
 * gives. A source that cannot be read keeps nothing else from being served.
 */
export class SourceDuty {
  readonly #config: SourceConfig
  readonly #options: SourceDutyOptions
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #duties: PartitionDuties | undefined

  constructor(config: SourceConfig, options: SourceDutyOptions) {
    this.#config = config
    this.#options = options
    options.tally.isUp = () => this.#duties !== undefined && this.#duties.unready.length === 0
    this.#running = this.#run()
  }

  get lease(): string {
    return `source.${this.#config.name}`
  }

  get owned(): number {
    return this.#duties?.partitions.length ?? 0
  }

  /** Gives the lease up at once. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort()
    await atMost(closeMs, this.#running)
  }

  async #run(): Promise<void> {
    const { broker, logger } = this.#options
    const { name, origin } = this.#config
    for (let failures = 0; !this.#stop.signal.aborted; failures++) {
      try {
        const source = await broker.source({ name, origin })
        failures = 0
        await this.#serve(source)
      } catch (error) {
        const delayMs = Math.random() * Math.min(maxDelayMs, firstDelayMs * 2 ** failures)
        logger.error({ source: name, err: error, delayMs }, 'a source cannot be read; trying again')
        await this.#pause(delayMs)
      }
    }
  }

  /** Until this is closed, or the source has come to have another number of partitions. */
  async #serve(source: SourceLog): Promise<void> {
    const { broker, logger } = this.#options
    const { partitions } = source
    const serve = serveMoves(this.#movedLog(source), this.#options)
    const duties = new PartitionDuties({ name: this.lease, logger, serve })
    const lease = await broker.claim(this.lease, partitions, duties)
    this.#duties = duties
    try {
      while (!this.#stop.signal.aborted && source.partitions === partitions) await this.#pause(lookMs)
    } finally {
      this.#duties = undefined
      await lease.close()
      await duties.close()
    }
  }

  #movedLog(source: SourceLog): MovedLog {
    const config = this.#config
    const { sources, logger, tally } = this.#options
    const { name, from } = config
    const progress = { name, origin: originName(config.origin), from, source, sources, logger }
    return {
      name: `source ${name}`,
      log: source,
      deadLog: `source.${name}`,
      isOwn: () => false,
      endIsGuessed: source.renew !== undefined,
      repeatHeader: source.repeatHeader,
      placeOf: (epoch, partition, offset) => sourcePlace(name, epoch, partition, offset),
      judge: sourceJudge(config),
      progressOf: (partition) => new SourceProgress(progress, partition),
      tally,
    }
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined)
  }
}

/** By which a checkpoint tells that the source is another one. */
function originName(origin: SourceConfig['origin']): string {
  if (origin.kind === 'topic') return `topic ${origin.topic}`
  return origin.kind === 'queue' ? `queue ${origin.queue}` : `exchange ${origin.exchange}`
}
