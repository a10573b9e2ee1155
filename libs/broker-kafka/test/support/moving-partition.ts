import type { TailObserver } from '@roomway/broker'
import { Recorder } from '@roomway/testing'
import { PartitionEnds } from '../../src/partition-ends.js'
import { KafkaTail } from '../../src/tail.js'
import type { Asked } from './scripted-kafka.js'
import { fetched, ScriptedKafka, ScriptedPartition } from './scripted-kafka.js'

const patienceMs = 10_000

/** Partition 0, the one that moves, and one that stays with each node, so that both are always being read. */
export const [moving, ofNode1, ofNode2] = [0, 1, 2]

/** A tail of a partition that goes from one node to another. */
export class MovingPartition {
  readonly partition = new ScriptedPartition()
  readonly truncations = new Recorder<number>()
  readonly kafka: ScriptedKafka
  /** How long it takes to write a truncation down. */
  written: Promise<void> = Promise.resolve()
  readonly #tail: KafkaTail

  private constructor(kafka: ScriptedKafka, observer: TailObserver) {
    const { topic, cluster, logger } = kafka
    this.kafka = kafka
    this.#tail = new KafkaTail(new Map([moving, ofNode1, ofNode2].map((each) => [each, 0])), observer, {
      topic,
      cluster,
      logger,
      ends: new PartitionEnds(topic, cluster, 'offsets', patienceMs),
      use: 'tail',
      onFault: () => undefined,
      onTruncation: async (truncated) => {
        this.truncations.push(truncated)
        await this.written
      },
      onClosed: () => undefined,
    })
  }

  /** Led by node 1. @param kafka where another tail is open already */
  static async open(observer: TailObserver, kafka?: ScriptedKafka): Promise<MovingPartition> {
    return new MovingPartition(kafka ?? (await ScriptedKafka.open([1, 1, 2])), observer)
  }

  async close(): Promise<void> {
    await this.#tail.close()
    this.kafka.cluster.close()
  }

  append(text: string): void {
    this.partition.append(text, this.kafka.leaderOf(moving).epoch)
  }

  /** What the partition has where the fetch asked for it. */
  serve(fetch: Asked<'Fetch'>): void {
    fetch.answer([fetched(moving, this.partition.read(fetch.positions.get(moving)!.offset))])
  }

  /** To the other node, of which everybody learns. */
  async move(): Promise<void> {
    this.kafka.elect(moving, 3 - this.kafka.leaderOf(moving).nodeId)
    await this.kafka.topic.refresh()
  }
}
