import type { WireRequest } from './kafkajs-connection.js'
import { WireReader, WireWriter } from './wire.js'

/** Identity of an idempotent producer: with a sequence number, a batch sent twice is stored once (KIP-98). */
export interface ProducerId {
  readonly id: number
  readonly epoch: number
}

export interface ProduceAnswer {
  readonly partition: number
  readonly errorCode: number
  readonly message: string | null
}

/** InitProducerId v1, without transactions. Any broker answers it. */
export function producerIdRequest(): WireRequest<ProducerId> {
  const body = new WireWriter().nullString().int32(0).done()
  return { apiKey: 22, apiVersion: 1, apiName: 'InitProducerId', body, decode: decodeProducerId }
}

function decodeProducerId(response: Buffer): ProducerId {
  const reader = new WireReader(response)
  reader.int32()
  const errorCode = reader.int16()
  if (errorCode !== 0) throw new Error(`Kafka gave no producer ID: error ${errorCode}`)
  return { id: reader.int64(), epoch: reader.int16() }
}

/** Produce v8, acks −1. Each batch is complete record batch bytes. */
export function produceRequest(
  topic: string,
  batches: readonly { readonly partition: number; readonly bytes: Buffer }[],
  timeoutMs: number,
): WireRequest<ProduceAnswer[]> {
  const body = new WireWriter().nullString().int16(-1).int32(timeoutMs).int32(1).string(topic).int32(batches.length)
  for (const { partition, bytes } of batches) body.int32(partition).int32(bytes.length).raw(bytes)
  return { apiKey: 0, apiVersion: 8, apiName: 'Produce', body: body.done(), decode: decodeAnswers }
}

function decodeAnswers(response: Buffer): ProduceAnswer[] {
  const reader = new WireReader(response)
  return reader
    .array(() => {
      reader.string()
      return reader.array(() => readAnswer(reader))
    })
    .flat()
}

function readAnswer(reader: WireReader): ProduceAnswer {
  const partition = reader.int32()
  const errorCode = reader.int16()
  reader.int64()
  reader.int64()
  reader.int64()
  const errors = reader.array(() => {
    reader.int32()
    return reader.string()
  })
  const message = reader.string() ?? errors[0] ?? null
  return { partition, errorCode, message }
}
