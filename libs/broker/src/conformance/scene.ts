import { randomBytes } from 'node:crypto'
import { expect } from '@jest/globals'
import type { Broker } from '../broker.js'
import type { AppendRecord, Log, RecordHeaders, Tail } from '../log.js'
import { usualMs, within } from './deadline.js'
import type { BrokerHarness, HarnessOptions } from './harness.js'
import { isOurs, type KeptRecord, keep, Recorder } from './recorder.js'

export function record(
  partition: number,
  text: string,
  key = `room-${partition}`,
  headers: RecordHeaders = {},
): AppendRecord {
  return { partition, key, headers, value: Buffer.from(text) }
}

/** What one test needs: a prefix of its own, brokers and tails that are closed when it ends, and no violation seen by any of its recorders. */
export class Scene {
  readonly prefix = `t${randomBytes(6).toString('hex')}`
  readonly harness: BrokerHarness
  readonly #brokers: Broker[] = []
  readonly #recorders: Recorder[] = []

  constructor(harness: BrokerHarness) {
    this.harness = harness
  }

  get recoveryMs(): number {
    return this.harness.recoveryMs ?? 20_000
  }

  async open(options: Partial<HarnessOptions> = {}): Promise<Broker> {
    const broker = await this.harness.open({ prefix: this.prefix, partitions: 2, ...options })
    this.#brokers.push(broker)
    return broker
  }

  /** The log `events` through a connection of its own. */
  async events(options: Partial<HarnessOptions> = {}): Promise<Log> {
    return (await this.open(options)).log('events')
  }

  /** Tails from the given offsets; by default every partition from its start. */
  async tail(log: Log, from?: ReadonlyMap<number, number>, recorder = new Recorder()): Promise<Recorder> {
    await this.openTail(log, from, recorder)
    return recorder
  }

  async openTail(log: Log, from: ReadonlyMap<number, number> | undefined, recorder: Recorder): Promise<Tail> {
    this.#recorders.push(recorder)
    return log.tail(from ?? (await starts(log)), recorder)
  }

  async close(): Promise<void> {
    const closed = Promise.all(this.#brokers.map((broker) => broker.close()))
    await within(usualMs, 'the brokers of this test to close', closed)
  }

  checkRecorders(): void {
    expect(this.#recorders.flatMap((recorder) => recorder.violations)).toEqual([])
  }
}

/** Wraps a test's body: the scene is closed whatever happens, and the recorders' findings count. */
export function scene(harness: BrokerHarness, body: (scene: Scene) => Promise<void>): () => Promise<void> {
  return async () => {
    const made = new Scene(harness)
    try {
      await body(made)
    } finally {
      await made.close()
    }
    made.checkRecorders()
  }
}

export const partitionsOf = (log: Log): number[] => Array.from({ length: log.partitions }, (_, partition) => partition)

export async function starts(log: Log): Promise<Map<number, number>> {
  return new Map(
    await Promise.all(partitionsOf(log).map(async (partition) => [partition, await log.start(partition)] as const)),
  )
}

/** A bounded read, kept, with the scan position it ended at. */
export async function readAll(
  log: Log,
  partition: number,
  from: number,
  to: number,
): Promise<{ records: KeptRecord[]; texts: string[]; position: number }> {
  const records: KeptRecord[] = []
  const reading = log.read(partition, from, to, (batch) => {
    for (const each of batch.records) if (isOurs(each)) records.push(keep(each))
  })
  const position = await within(usualMs, `a read of [${from}, ${to}) to end`, reading)
  return { records, texts: records.map((each) => each.text), position }
}

/** Everything in a partition at the time of the call. */
export async function contents(log: Log, partition: number): Promise<KeptRecord[]> {
  return (await readAll(log, partition, await log.start(partition), await log.end(partition))).records
}

/** Appends one record per text to a partition, in one call. */
export async function appendTexts(log: Log, partition: number, texts: readonly string[]): Promise<void> {
  await log.append(texts.map((text) => record(partition, text)))
}

/** `count` texts that sort in the order they were made. */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(5, '0')}`)
}
