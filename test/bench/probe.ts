/* A look at everything that runs while events flow at one rate, and what holds them up where they do not keep up. */
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { LineProcess } from './line-process.js'
import type { LoadClient } from './load-client.js'
import { cpuMs, idleMs, mainThreadTimes } from './process-usage.js'
import type { PacedReport } from './programs/paced-publisher.js'

export interface Probe {
  readonly rate: number
  readonly sent: number
  readonly frames: number
  readonly framesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** CPU used, in cores. */
  readonly serverCores: number
  readonly publisherCores: number
  readonly brokerCores: number
  readonly clientCores: number
  /** Of the whole machine: used by nobody, and by others than these four, the kernel's own work and that of other virtual machines included. */
  readonly idleCores: number
  readonly otherCores: number
  /** Shares of the time in which the server's main thread ran, and in which it could have, but others had the CPUs. */
  readonly threadRan: number
  readonly threadWaited: number
  readonly publisherLateMs: number
}

interface Probed {
  readonly server: { readonly pid: number }
  readonly publisher: LineProcess
  readonly client: LoadClient
  readonly brokerPid: number
}

export async function takeProbe(rig: Probed, rate: number, ms: number): Promise<Probe> {
  const first = await look(rig)
  await delay(ms)
  const last = await look(rig)
  const elapsedMs = last.atMs - first.atMs
  const share = (of: (moment: Moment) => number) => (of(last) - of(first)) / elapsedMs
  const frames = last.mark.events - first.mark.events
  const cores = {
    serverCores: share((moment) => moment.serverMs),
    publisherCores: share((moment) => moment.report.cpuMs),
    brokerCores: share((moment) => moment.brokerMs),
    clientCores: share((moment) => moment.mark.cpuMs),
    idleCores: share((moment) => moment.idleMs),
  }
  return {
    rate,
    sent: last.report.sent - first.report.sent,
    frames,
    framesPerSecond: (frames * 1_000) / elapsedMs,
    p50Ms: last.mark.p50Us / 1_000,
    p99Ms: last.mark.p99Us / 1_000,
    ...cores,
    otherCores: availableParallelism() - Object.values(cores).reduce((sum, value) => sum + value, 0),
    threadRan: share((moment) => moment.thread.ranMs),
    threadWaited: share((moment) => moment.thread.waitedMs),
    publisherLateMs: last.report.latestMs,
  }
}

type Moment = Awaited<ReturnType<typeof look>>

async function look({ server, publisher, client, brokerPid }: Probed) {
  const mark = await client.mark()
  const report = await publisher.ask<PacedReport>('report')
  return {
    atMs: performance.now(),
    mark,
    report,
    serverMs: cpuMs(server.pid),
    brokerMs: cpuMs(brokerPid),
    idleMs: idleMs(),
    thread: mainThreadTimes(server.pid),
  }
}

const busy = 0.95
const idle = 0.1
/** Per processor: more than the kernel's own work. */
const others = 0.25
const lateMs = 100

export interface Limit {
  /** Whether the rate says something of the server. */
  readonly counts: boolean
  readonly text: string
}

/**
 * What kept a rate from holding: the server, where its main thread ran all the time; the machine, where that thread was never idle but had to wait for
 * a CPU, or nothing of the machine was idle: then the server shared what there is with broker, publisher and clients. Else something that is not measured.
 */
export function limitOf(probe: Probe): Limit {
  const { threadRan, threadWaited, publisherLateMs, clientCores, publisherCores, idleCores } = probe
  if (probe.otherCores > others * availableParallelism())
    return { counts: false, text: 'something else that runs on the machine' }
  if (clientCores > busy) return { counts: false, text: 'the load client' }
  if (threadRan >= busy) return { counts: true, text: 'the server’s core' }
  if (publisherCores > busy) return { counts: false, text: 'the publisher' }
  if (idleCores < idle || threadRan + threadWaited >= busy) {
    const [ran, waited] = [threadRan, threadWaited].map((share) => Math.round(share * 100))
    return {
      counts: true,
      text: `the whole machine, of which the server ran ${ran} % and waited ${waited} % of the time`,
    }
  }
  return { counts: false, text: publisherLateMs > lateMs ? 'the publisher' : 'the broker' }
}
