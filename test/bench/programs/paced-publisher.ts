/*
 * Publishes to the events log of a deployment at a rate that can be changed while it runs, and waits for no server. The time in an event is that
 * at which it was due, so that a publisher or a broker that falls behind shows it in the latencies, too; what the broker has not taken
 * by then is bounded, so that a rate that is too high is over soon after it is taken back.
 *
 * Commands on stdin, one a line; each is answered by one line of JSON. End of input ends the program.
 *   open       where the log is; the answer is a PublisherReady
 *   rate N     events per second from now on
 *   report     a PacedReport, of the time since the last report
 *   stop       publishes no more once every room has as many as the others; a PacedReport when all appends are done
 */
import { createInterface } from 'node:readline'
import type { AppendRecord } from '@roomway/broker'
import { homeOf } from '@roomway/records'
import { monotonicUs } from '../monotonic-clock.js'
import { payloadOf, roomName } from './event-feed.js'
import { openPublisherBroker, type PublisherAddress } from './publisher-broker.js'

export interface PacedPlan {
  readonly address: PublisherAddress
  readonly prefix: string
  readonly rooms: number
  readonly payloadBytes: number
}

export interface PacedReport {
  /** Since the start. */
  readonly sent: number
  readonly failedAppends: number
  /** The longest that an event was published after it was due. */
  readonly latestMs: number
  readonly cpuMs: number
}

const plan = JSON.parse(process.argv[2]!) as PacedPlan
const broker = await openPublisherBroker(plan)
const log = await broker.log('events')
const headers = { 'roomway-event': 'tick' }
const rooms = Array.from({ length: plan.rooms }, (_, n) => ({
  key: roomName(n),
  partition: homeOf(roomName(n), log.partitions),
}))
const stepMs = 1
const maxUnsettledEvents = 100_000
const maxEventsPerAppend = 10_000

let eventsPerSecond = 0
/** When the rate was set, and how many had been sent then. */
let since = { us: monotonicUs(), sent: 0 }
let sent = 0
let failedAppends = 0
let latestMs = 0
let unsettledEvents = 0

function setRate(rate: number): void {
  eventsPerSecond = rate
  since = { us: monotonicUs(), sent }
}

/** When an event is due at the rate as it is. */
const atRate = (n: number) => since.us + ((n - since.sent) / eventsPerSecond) * 1e6

function publishUpTo(due: number, dueUs: (n: number) => number): void {
  if (due <= sent) return
  latestMs = Math.max(latestMs, (monotonicUs() - dueUs(sent)) / 1e3)
  const records: AppendRecord[] = []
  for (; sent < due; sent++) {
    const value = payloadOf(plan.payloadBytes, sent, Math.round(dueUs(sent)))
    records.push({ ...rooms[sent % rooms.length]!, headers, value })
  }
  unsettledEvents += records.length
  log
    .append(records)
    .catch(() => failedAppends++)
    .finally(() => {
      unsettledEvents -= records.length
    })
}

const stepping = setInterval(() => {
  const dueNow = since.sent + Math.floor(((monotonicUs() - since.us) / 1e6) * eventsPerSecond)
  if (eventsPerSecond === 0 || unsettledEvents > maxUnsettledEvents) return
  publishUpTo(Math.min(dueNow, sent + maxEventsPerAppend), atRate)
}, stepMs)

function report(): PacedReport {
  const { user, system } = process.cpuUsage()
  const answer = { sent, failedAppends, latestMs, cpuMs: (user + system) / 1e3 }
  latestMs = 0
  return answer
}

async function stop(): Promise<PacedReport> {
  eventsPerSecond = 0
  publishUpTo(Math.ceil(sent / rooms.length) * rooms.length, monotonicUs)
  while (unsettledEvents > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  return report()
}

const commands: Record<string, (argument: string) => unknown> = {
  open: () => ({ epoch: log.epoch, partitions: log.partitions }),
  rate: (argument) => setRate(Number(argument)),
  report,
  stop,
}

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const [name, argument = ''] = line.split(' ')
    console.log(JSON.stringify((await commands[name!]!(argument)) ?? null))
  })
  .on('close', () => {
    clearInterval(stepping)
    process.exit(0)
  })
