import type { WireRequest } from './kafkajs-connection.js'
import { WireReader, WireWriter } from './wire.js'

export interface Leader {
  /** −1 while there is none. */
  readonly nodeId: number
  readonly epoch: number
}

export interface TopicMetadata {
  readonly errorCode: number
  readonly name: string | null
  /** The topic's ID in base64url: another one under the same name is another topic (KIP-516). */
  readonly id: string
  /** By partition. */
  readonly leaders: readonly Leader[]
  /** By partition. */
  readonly replicas: readonly number[]
}

export interface ClusterMetadata {
  readonly nodes: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]
  readonly controllerId: number
  readonly topics: readonly TopicMetadata[]
}

const noTopicId = Buffer.alloc(16)

/** Metadata v12: the first version that names topics by both name and ID. */
export function metadataRequest(topics: readonly string[]): WireRequest<ClusterMetadata> {
  const body = new WireWriter().noTags().compactArray(topics.length)
  for (const topic of topics) body.raw(noTopicId).compactString(topic).noTags()
  body.int8(0).int8(0).noTags()
  return { apiKey: 3, apiVersion: 12, apiName: 'Metadata', body: body.done(), decode }
}

function decode(response: Buffer): ClusterMetadata {
  const reader = new WireReader(response)
  reader.tags()
  reader.int32()
  const nodes = reader.compactArray(() => readNode(reader))
  reader.compactString()
  const controllerId = reader.int32()
  const topics = reader.compactArray(() => readTopic(reader))
  return { nodes, controllerId, topics }
}

function readNode(reader: WireReader): ClusterMetadata['nodes'][number] {
  const node = { nodeId: reader.int32(), host: reader.compactString() ?? '', port: reader.int32() }
  reader.compactString()
  reader.tags()
  return node
}

function readTopic(reader: WireReader): TopicMetadata {
  const errorCode = reader.int16()
  const name = reader.compactString()
  const id = reader.uuid()
  reader.int8()
  const leaders: Leader[] = []
  const replicas: number[] = []
  reader.compactArray(() => readPartition(reader, leaders, replicas))
  reader.int32()
  reader.tags()
  return { errorCode, name, id, leaders, replicas }
}

function readPartition(reader: WireReader, leaders: Leader[], replicas: number[]): void {
  reader.int16()
  const partition = reader.int32()
  leaders[partition] = { nodeId: reader.int32(), epoch: reader.int32() }
  replicas[partition] = reader.compactArray(() => reader.int32()).length
  reader.compactArray(() => reader.int32())
  reader.compactArray(() => reader.int32())
  reader.tags()
}
