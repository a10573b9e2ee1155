import { randomUUID } from 'node:crypto'
import { type Channel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib'
import { logNames, type RawLogs, type RawRecord } from './checker/raw-log.js'

interface Genesis {
  readonly log: string
  readonly epoch: string
  readonly parent: string
  readonly partitions: number
}

const prefetch = 500

/** The streams as a plain consumer reads them, from their start to a marker that this appends. */
export async function readRabbitmq(url: string): Promise<RawLogs> {
  const connection = await connect(url)
  try {
    const channel = await connection.createConfirmChannel()
    const anchor = await readStream(channel, 'roomway.meta', 0)
    const logs = await Promise.all(logNames.map((log) => readLog(channel, log, presentOf(log, anchor))))
    return { events: logs[0]!, commands: logs[1]!, dead: logs[2]! }
  } finally {
    await connection.close()
  }
}

/** The streams of a log carry its epoch in their names; the last of a line of geneses, each naming the one before, is the present one. */
function presentOf(log: string, anchor: readonly RawRecord[]): Genesis {
  let present: Genesis | undefined
  for (const { key, value } of anchor) {
    if (key !== '$genesis') continue
    const genesis = JSON.parse(value) as Genesis
    if (genesis.log === log && genesis.parent === (present?.epoch ?? '')) present = genesis
  }
  if (present === undefined) throw new Error(`no genesis of the log ${log} was found`)
  return present
}

async function readLog(channel: ConfirmChannel, log: string, { epoch, partitions }: Genesis): Promise<RawRecord[]> {
  const streams = Array.from({ length: partitions }, (_, partition) => `roomway.${log}.${epoch}.${partition}`)
  const read = await Promise.all(streams.map((stream, partition) => readStream(channel, stream, partition)))
  return read.flat()
}

async function readStream(channel: ConfirmChannel, stream: string, partition: number): Promise<RawRecord[]> {
  const messageId = randomUUID()
  const headers = { 'roomway-key': '$marker', 'roomway-event': '$marker' }
  channel.sendToQueue(stream, Buffer.alloc(0), { type: 'roomway.marker', messageId, headers })
  await channel.waitForConfirms()
  await channel.prefetch(prefetch)
  return readUntil(channel, stream, partition, messageId)
}

function readUntil(channel: Channel, stream: string, partition: number, messageId: string): Promise<RawRecord[]> {
  const records: RawRecord[] = []
  return new Promise((resolve, reject) => {
    const onMessage = (message: ConsumeMessage | null) => {
      if (message === null) return reject(new Error(`the consumer of ${stream} was cancelled`))
      channel.ack(message)
      if (message.properties.messageId === messageId) {
        channel.cancel(message.fields.consumerTag).then(() => resolve(records), reject)
      } else records.push(recordOf(message, partition))
    }
    channel.consume(stream, onMessage, { arguments: { 'x-stream-offset': 'first' } }).catch(reject)
  })
}

function recordOf({ properties, content }: ConsumeMessage, partition: number): RawRecord {
  const table = (properties.headers ?? {}) as Record<string, unknown>
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(table)) if (typeof value === 'string') headers[name] = value
  const { 'roomway-key': key, ...others } = headers
  return { partition, offset: table['x-stream-offset'] as number, key, headers: others, value: content.toString() }
}
