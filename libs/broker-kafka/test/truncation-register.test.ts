import { afterEach, expect, test } from '@jest/globals'
import type { AppendRecord, BrokerRecord, Log, TailObserver } from '@roomway/broker'
import { TruncationRegister } from '../src/truncation-register.js'
import { ScriptedKafka } from './support/scripted-kafka.js'

/** `meta`, which all nodes read. */
class Meta {
  readonly #records: BrokerRecord[] = []
  readonly #observers: TailObserver[] = []
  readonly log = {
    start: async () => 0,
    end: async () => this.#records.length,
    read: async (_partition: number, _from: number, to: number) => to,
    tail: async (_positions: unknown, observer: TailObserver) => {
      this.#observers.push(observer)
      return { close: async () => undefined }
    },
    append: async (records: readonly AppendRecord[]) => {
      for (const record of records) {
        const offset = this.#records.push({ ...record, offset: this.#records.length, timeMs: 0 } as BrokerRecord) - 1
        const batch = { partition: 0, records: [this.#records[offset]!], nextOffset: offset + 1 }
        for (const { onBatch } of this.#observers) void onBatch(batch)
      }
    },
  } as unknown as Log
}

const nodes: { readonly kafka: ScriptedKafka; readonly register: TruncationRegister }[] = []
afterEach(async () => {
  for (const { kafka, register } of nodes.splice(0)) {
    await register.close()
    kafka.cluster.close()
  }
})

async function node(meta: Meta) {
  const kafka = await ScriptedKafka.open([1])
  const register = await TruncationRegister.open(meta.log, kafka.logger)
  register.follow(kafka.topic)
  nodes.push({ kafka, register })
  return { kafka, register }
}

const makeAgain = async (kafka: ScriptedKafka): Promise<void> => {
  kafka.topicId = Buffer.alloc(16, 2).toString('base64url')
  await kafka.topic.refresh()
}

test('What was lost of a topic that was made again counts on a node, too, that hears of it before it hears of the topic', async () => {
  const meta = new Meta()
  const [one, other] = [await node(meta), await node(meta)]
  await makeAgain(one.kafka)
  const { epoch } = one.kafka.topic
  await one.register.report(one.kafka.topic, 0, new AbortController().signal)
  expect(one.kafka.topic.epoch).not.toBe(epoch)
  await makeAgain(other.kafka)
  expect(other.kafka.topic.epoch).toBe(one.kafka.topic.epoch)
})
