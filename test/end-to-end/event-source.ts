import { setTimeout as delay } from 'node:timers/promises'
import { AppendError, type AppendRecord, type Broker, type Log } from '@roomway/broker'
import { homeOf } from '@roomway/records'

export interface EventSourcePlan {
  readonly rooms: number
  readonly eventsPerRoom: number
  readonly eventsPerSecond: number
}

const tickMs = 20

/**
 * Publishes `{ n: 0 }`, `{ n: 1 }`, … to each room at a steady rate, as a careful business service does: in order, each with an id, and again under the
 * same id where the broker did not confirm it.
 */
export async function publishEvents(broker: Broker, plan: EventSourcePlan): Promise<void> {
  const log = await broker.log('events')
  const total = plan.rooms * plan.eventsPerRoom
  const startMs = Date.now()
  let appended = Promise.resolve()
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((Date.now() - startMs) / 1_000) * plan.eventsPerSecond))
    const records: AppendRecord[] = []
    for (; sent < due; sent++) records.push(recordOf(log, sent % plan.rooms, Math.floor(sent / plan.rooms)))
    if (records.length > 0) appended = appended.then(() => appendSurely(log, records))
    await delay(tickMs)
  }
  await appended
}

function recordOf(log: Log, room: number, n: number): AppendRecord {
  const key = `load:${room}`
  const headers = { 'roomway-event': 'tick', 'roomway-id': String(n) }
  const value = Buffer.from(JSON.stringify({ n, filler: 'x'.repeat(80) }))
  return { partition: homeOf(key, log.partitions), key, headers, value }
}

async function appendSurely(log: Log, records: readonly AppendRecord[]): Promise<void> {
  for (;;) {
    try {
      return await log.append(records)
    } catch (error) {
      if (!(error instanceof AppendError)) throw error
      await delay(200)
    }
  }
}
