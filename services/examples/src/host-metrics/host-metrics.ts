import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Logger } from '@roomway/broker'
import type { Publish } from '../event-publisher.js'
import { figuresBetween } from './figures.js'
import { type HostCounters, readHostCounters } from './host-counters.js'
import { hostMetricsRoom, type Sample, sampleEvent } from './sample.js'

const rateWindowMs = 1000

export interface HostMetricsOptions {
  readonly publish: Publish
  readonly logger: Logger
  /** Time between samples in ms. Default 250. */
  readonly intervalMs?: number
  /** Default: this machine's. */
  readonly readCounters?: () => Promise<HostCounters>
}

export interface HostMetrics {
  /** Idempotent; waits for the sample that is on its way. */
  close(): Promise<void>
}

/**
 * Publishes this machine's figures as `sample` events to `host:metrics`, several times a second, until closed. One sample is on its way at
 * a time: while the broker does not answer, that one is repeated under its id and no further ones are taken, so `seq` has no holes.
 */
export function startHostMetrics(options: HostMetricsOptions): HostMetrics {
  const stop = new AbortController()
  const failed = (error: unknown) =>
    options.logger.error({ error }, 'host metrics stopped: the counters cannot be read')
  const done = new Publisher(options, stop.signal).run().catch(failed)
  return {
    close() {
      stop.abort()
      return done
    },
  }
}

class Publisher {
  readonly #options: HostMetricsOptions
  readonly #signal: AbortSignal
  readonly #run = randomBytes(6).toString('hex')
  readonly #host = hostname()
  #seq = 0
  #recent: HostCounters[] = []

  constructor(options: HostMetricsOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  async run(): Promise<void> {
    const { intervalMs = 250 } = this.#options
    await this.#read()
    for (let due = performance.now() + intervalMs; !this.#signal.aborted; due += intervalMs) {
      due = Math.max(due, performance.now())
      await pause(due - performance.now(), this.#signal)
      if (!this.#signal.aborted) await this.#deliver(await this.#take())
    }
  }

  async #take(): Promise<Sample> {
    const before = this.#recent[0]!
    const figures = figuresBetween(before, await this.#read())
    this.#seq++
    return { run: this.#run, seq: this.#seq, host: this.#host, time: Date.now(), ...figures }
  }

  /** Keeps the readings of the last second, so that rates move smoothly although they are taken more often. */
  async #read(): Promise<HostCounters> {
    const { readCounters = readHostCounters } = this.#options
    const now = await readCounters()
    this.#recent.push(now)
    while (this.#recent.length > 1 && now.atMs - this.#recent[0]!.atMs > rateWindowMs) this.#recent.shift()
    return now
  }

  async #deliver(sample: Sample): Promise<void> {
    const { publish, logger } = this.#options
    const event = { room: hostMetricsRoom, event: sampleEvent, data: sample, id: `${sample.run}:${sample.seq}` }
    for (let waitMs = 250; !this.#signal.aborted; waitMs = Math.min(waitMs * 2, 5000)) {
      try {
        return await publish(event)
      } catch (error) {
        logger.warn({ error, room: hostMetricsRoom, seq: sample.seq, waitMs }, 'host metrics not published; repeating')
        await pause(waitMs, this.#signal)
      }
    }
  }
}

/** Ends early, without an error, when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
