import type { WireRequest } from './kafkajs-connection.js'
import { WireReader, WireWriter } from './wire.js'

/** Where to read a partition on. */
export interface FetchPosition {
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  /** Leader epoch of the last batch read, −1 where none was: the broker answers `diverging` where its log left that history (KIP-595). */
  readonly lastFetchedEpoch: number
}

export interface FetchLimits {
  readonly maxWaitMs: number
  readonly maxBytes: number
  readonly maxPartitionBytes: number
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface FetchAnswer {
  readonly partition: number
  readonly errorCode: number
  readonly lastStableOffset: number
  readonly aborted: readonly AbortedTransaction[]
  /** Set where the log was truncated: the last offset of the history shared with this reader is below `endOffset`. */
  readonly diverging: { readonly epoch: number; readonly endOffset: number } | undefined
  /** Record batches, the last one possibly cut off. A slice of the response. */
  readonly records: Buffer | null
}

/**
 * Fetch v13, the first to name the topic by its ID: a topic deleted and made again under the name answers UNKNOWN_TOPIC_ID instead of
 * unrelated records. Read committed, without a fetch session.
 */
export function fetchRequest(
  topicId: string,
  positions: readonly FetchPosition[],
  limits: FetchLimits,
): WireRequest<FetchAnswer[]> {
  const body = new WireWriter().noTags().int32(-1).int32(limits.maxWaitMs).int32(1).int32(limits.maxBytes)
  body.int8(1).int32(0).int32(-1)
  body.compactArray(1).raw(Buffer.from(topicId, 'base64url')).compactArray(positions.length)
  for (const position of positions) {
    body.int32(position.partition).int32(position.leaderEpoch).int64(position.offset)
    body.int32(position.lastFetchedEpoch).int64(-1).int32(limits.maxPartitionBytes).noTags()
  }
  body.noTags().compactArray(0).compactString('').noTags()
  return { apiKey: 1, apiVersion: 13, apiName: 'Fetch', body: body.done(), decode, waitMs: limits.maxWaitMs }
}

function decode(response: Buffer): FetchAnswer[] {
  const reader = new WireReader(response)
  reader.tags()
  reader.int32()
  const errorCode = reader.int16()
  if (errorCode !== 0) throw new Error(`Kafka refused a fetch with error ${errorCode}`)
  reader.int32()
  return reader
    .compactArray(() => {
      reader.uuid()
      const answers = reader.compactArray(() => readAnswer(reader))
      reader.tags()
      return answers
    })
    .flat()
}

function readAnswer(reader: WireReader): FetchAnswer {
  const partition = reader.int32()
  const errorCode = reader.int16()
  reader.int64()
  const lastStableOffset = reader.int64()
  reader.int64()
  const aborted = reader.compactArray(() => readAborted(reader))
  reader.int32()
  const records = reader.compactBytes()
  let diverging: FetchAnswer['diverging']
  reader.tags((tag, field) => {
    if (tag === 0) diverging = { epoch: field.int32(), endOffset: field.int64() }
  })
  return { partition, errorCode, lastStableOffset, aborted, diverging, records }
}

function readAborted(reader: WireReader): AbortedTransaction {
  const aborted = { producerId: reader.int64(), firstOffset: reader.int64() }
  reader.tags()
  return aborted
}
