import type { WireRequest } from './kafkajs-connection.js'
import { WireReader, WireWriter } from './wire.js'

export interface OffsetAnswer {
  readonly partition: number
  readonly errorCode: number
  readonly offset: number
}

/** What `offsetsRequest` can ask for: the log's start, or its last stable offset. */
export const offsetOf = { start: -2, end: -1 } as const

/**
 * ListOffsets v5, read committed: the end is the last stable offset. A leader too new to know it answers OFFSET_NOT_AVAILABLE
 * instead of a lower one (KIP-207).
 */
export function offsetsRequest(
  topic: string,
  partitions: readonly { readonly partition: number; readonly leaderEpoch: number }[],
  which: number,
): WireRequest<OffsetAnswer[]> {
  const body = new WireWriter().int32(-1).int8(1).int32(1).string(topic).int32(partitions.length)
  for (const { partition, leaderEpoch } of partitions) body.int32(partition).int32(leaderEpoch).int64(which)
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
