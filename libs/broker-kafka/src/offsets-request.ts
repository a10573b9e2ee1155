import type { WireRequest } from './kafkajs-connection.js'
import { WireReader, WireWriter } from './wire.js'

export interface OffsetAnswer {
  readonly partition: number
  readonly errorCode: number
  readonly offset: number
}

/**
 * What `offsetsRequest` can ask for: the log's start; the high watermark, below which everything is that was acknowledged; the last stable
 * offset, below which everything can be read: lower than that while a transaction is open (KIP-98).
 */
export const offsetKinds = {
  start: { timestamp: -2, isolation: 1 },
  watermark: { timestamp: -1, isolation: 0 },
  stable: { timestamp: -1, isolation: 1 },
} as const

export type OffsetKind = keyof typeof offsetKinds

/** ListOffsets v5. A leader too new to know its end answers OFFSET_NOT_AVAILABLE instead of a lower one (KIP-207). */
export function offsetsRequest(
  topic: string,
  partitions: readonly { readonly partition: number; readonly leaderEpoch: number }[],
  kind: OffsetKind,
): WireRequest<OffsetAnswer[]> {
  const { timestamp, isolation } = offsetKinds[kind]
  const body = new WireWriter().int32(-1).int8(isolation).int32(1).string(topic).int32(partitions.length)
  for (const { partition, leaderEpoch } of partitions) body.int32(partition).int32(leaderEpoch).int64(timestamp)
  return { apiKey: 2, apiVersion: 5, apiName: 'ListOffsets', body: body.done(), decode }
}

function decode(response: Buffer): OffsetAnswer[] {
  const reader = new WireReader(response)
  reader.int32()
  return reader
    .array(() => {
      reader.string()
      return reader.array(() => readAnswer(reader))
    })
    .flat()
}

function readAnswer(reader: WireReader): OffsetAnswer {
  const partition = reader.int32()
  const errorCode = reader.int16()
  reader.int64()
  const offset = reader.int64()
  reader.int32()
  return { partition, errorCode, offset }
}
