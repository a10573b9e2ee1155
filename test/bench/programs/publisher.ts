/*
 * Publishes to `<prefix>.events` at a steady rate, whatever becomes of the events: it waits for nobody, so a server that falls behind shows it
 * in the latencies. Prints `ready` when the topic is there, begins on SIGUSR2, and ends with `done <json>`.
 */
import { openKafkaBroker } from '@roomway/broker-kafka'
import { homeOf } from '@roomway/records'

export interface PublisherPlan {
  readonly brokers: readonly string[]
  readonly prefix: string
  readonly rooms: number
  readonly events: number
  readonly eventsPerSecond: number
  readonly payloadBytes: number
  /** `foreign`: as any Kafka client would; `roomway`: with the time header that Roomway's own publisher sets. */
  readonly headers: 'foreign' | 'roomway'
}

export interface PublisherReport {
  readonly failedAppends: number
  /** The longest that an event was published after its time. */
  readonly latestMs: number
  readonly cpuMs: number
}

const plan = JSON.parse(process.argv[2]!) as PublisherPlan
const quiet = { debug() {}, info() {}, warn() {}, error: console.error }
const broker = await openKafkaBroker({ brokers: [...plan.brokers], prefix: plan.prefix, partitions: 16, logger: quiet })
const log = await broker.log('events')
const rooms = Array.from({ length: plan.rooms }, (_, n) => ({
  key: `bench:${n}`,
  partition: homeOf(`bench:${n}`, log.partitions),
}))

function payload(n: number, nowUs: number): Buffer {
  const start = `{"t":${nowUs},"n":${n},"filler":"`
  return Buffer.from(`${start.padEnd(plan.payloadBytes - 2, 'x')}"}`)
}

function recordOf(n: number, nowUs: number, time: Record<string, string>) {
  const { key, partition } = rooms[n % rooms.length]!
  return { partition, key, headers: { 'roomway-event': 'tick', ...time }, value: payload(n, nowUs) }
}

/** Microseconds of the system's monotonic clock, which is the same in every process. */
const monotonicUs = () => Number(process.hrtime.bigint() / 1_000n)

async function publish(): Promise<void> {
  const startUs = monotonicUs()
  const appends: Promise<void>[] = []
  let failedAppends = 0
  let latestMs = 0
  for (let sent = 0; sent < plan.events; ) {
    const nowUs = monotonicUs()
    const due = Math.min(plan.events, Math.floor(((nowUs - startUs) / 1e6) * plan.eventsPerSecond))
    if (due > sent) {
      const time: Record<string, string> = plan.headers === 'roomway' ? { 'roomway-time': String(Date.now()) } : {}
      latestMs = Math.max(latestMs, (nowUs - startUs) / 1e3 - (sent / plan.eventsPerSecond) * 1e3)
      const records = Array.from({ length: due - sent }, (_, n) => recordOf(sent + n, nowUs, time))
      appends.push(log.append(records).catch(() => void failedAppends++))
      sent = due
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(appends)
  const { user, system } = process.cpuUsage()
  const report: PublisherReport = { failedAppends, latestMs, cpuMs: (user + system) / 1e3 }
  console.log(`done ${JSON.stringify(report)}`)
  await broker.close()
}

process.once('SIGUSR2', () => void publish())
const stayAlive = setInterval(() => {}, 60_000)
process.once('SIGUSR2', () => clearInterval(stayAlive))
console.log('ready')
