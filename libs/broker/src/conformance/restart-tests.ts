import { expect } from '@jest/globals'
import { AppendError } from '../errors.js'
import type { Log } from '../log.js'
import { Changes } from './deadline.js'
import type { FeatureTest } from './feature-test.js'
import type { BrokerHarness } from './harness.js'
import type { Recorder } from './recorder.js'
import { appendTexts, contents, record, type Scene, scene } from './scene.js'

export function restartTests(harness: BrokerHarness, withFeature: FeatureTest): void {
  withFeature(
    'restart',
    'a broker killed and started again loses nothing that resolved, doubles nothing in silence and keeps the order',
    scene(harness, killedTwice),
    180_000,
  )
}

async function killedTwice(s: Scene): Promise<void> {
  const [writing, reading, also] = [await s.events(), await s.events(), await s.events()]
  const recorders = [await s.tail(reading), await s.tail(reading), await s.tail(also)]
  const writers = [0, 1].map((partition) => new StubbornWriter(writing, partition))
  const running = writers.map((writer) => writer.run())
  for (let kill = 0; kill < 2; kill += 1) {
    await Promise.all(writers.map((writer) => writer.untilMore(200, s.recoveryMs)))
    await s.harness.restartBroker!()
  }
  await Promise.all(writers.map((writer) => writer.untilMore(200, s.recoveryMs)))
  for (const writer of writers) writer.stop()
  await Promise.all(running)
  for (const writer of writers) await writer.end()
  for (const recorder of recorders)
    for (const partition of [0, 1])
      await recorder.until(
        `the last record of partition ${partition}`,
        () => recorder.texts(partition).includes('end'),
        s.recoveryMs,
      )
  for (const writer of writers) await checkPartition(also, writer, recorders)
}

async function checkPartition(log: Log, writer: StubbornWriter, recorders: Recorder[]): Promise<void> {
  expect(writer.violations).toEqual([])
  const stored = await contents(log, writer.partition)
  const firsts = [...new Set(stored.map((each) => each.text))]
  expect(firsts).toEqual([...writer.resolved, 'end'])
  const placed = stored.map((each) => `${each.partition}/${each.offset} ${each.text}`)
  for (const recorder of recorders) {
    expect(recorder.resets).toEqual([])
    expect(recorder.placed(writer.partition)).toEqual(placed)
  }
}

/** Appends numbered records, many in flight, and repeats from the first that failed, in order, until it resolves. */
class StubbornWriter {
  readonly partition: number
  /** Texts of the records whose append resolved, in order. */
  readonly resolved: string[] = []
  readonly violations: string[] = []
  readonly #log: Log
  readonly #changes = new Changes()
  #stopped = false

  constructor(log: Log, partition: number) {
    this.#log = log
    this.partition = partition
  }

  async run(): Promise<void> {
    while (!this.#stopped) if (!(await this.#burst(20))) await pause()
  }

  stop(): void {
    this.#stopped = true
  }

  async end(): Promise<void> {
    await appendTexts(this.#log, this.partition, ['end'])
  }

  async untilMore(count: number, ms: number): Promise<void> {
    const goal = this.resolved.length + count
    const what = `${count} more appends to partition ${this.partition}`
    await this.#changes.until(
      what,
      () => this.resolved.length >= goal,
      () => this.resolved.length,
      ms,
    )
  }

  async #burst(size: number): Promise<boolean> {
    const texts = Array.from({ length: size }, (_, index) => `${this.partition}:${this.resolved.length + index}`)
    const outcomes = await Promise.allSettled(texts.map((text) => this.#log.append([record(this.partition, text)])))
    const failed = outcomes.findIndex((outcome) => outcome.status === 'rejected')
    this.resolved.push(...texts.slice(0, failed === -1 ? size : failed))
    this.#changes.changed()
    if (failed !== -1) this.#check(outcomes.slice(failed))
    return failed === -1
  }

  #check(outcomes: PromiseSettledResult<void>[]): void {
    for (const outcome of outcomes)
      if (outcome.status === 'fulfilled') this.violations.push('an append resolved although one before it had failed')
      else if (!(outcome.reason instanceof AppendError))
        this.violations.push(`not an AppendError: ${String(outcome.reason)}`)
  }
}

/** A publisher's delay between attempts, lest it spin while the broker is away. */
const pause = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 50))
