/* Puts events into the log before a server starts: `perRoom` events for each room, in turn. Prints `filled <json>` when they are durable. */
import { openKafkaBroker } from '@roomway/broker-kafka'
import { homeOf } from '@roomway/records'
import { roomName } from './event-feed.js'

export interface FillPlan {
  readonly brokers: readonly string[]
  readonly prefix: string
  readonly rooms: number
  readonly perRoom: number
  readonly payloadBytes: number
}

const plan = JSON.parse(process.argv[2]!) as FillPlan
const logger = { debug() {}, info() {}, warn() {}, error: console.error }
const broker = await openKafkaBroker({ brokers: [...plan.brokers], prefix: plan.prefix, partitions: 16, logger })
const log = await broker.log('events')
const rooms = Array.from({ length: plan.rooms }, (_, n) => ({
  key: roomName(n),
  partition: homeOf(roomName(n), log.partitions),
}))
for (let n = 0; n < plan.perRoom; n++) {
  const start = `{"t":0,"n":${n},"filler":"`
  const value = Buffer.from(`${start.padEnd(plan.payloadBytes - 2, 'x')}"}`)
  await log.append(rooms.map((room) => ({ ...room, headers: { 'roomway-event': 'tick' }, value })))
}
console.log(`filled ${JSON.stringify({ epoch: log.epoch, partitions: log.partitions })}`)
await broker.close()
