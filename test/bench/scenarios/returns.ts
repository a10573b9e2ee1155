/* Clients that come back: from the recent window, and from below it. */
import { type ConnectResult, runConnect } from '../connect-run.js'
import type { BenchOptions } from '../options.js'
import { type ResumePlan, type ResumeResult, runResume } from '../resume-run.js'
import { type Figure, figure, type Scenario, scaled } from './scenario.js'

const liveP99: Figure = {
  ...figure<ResumeResult>('live', 'p99 of the others, beside before', 'ms', { times: 2 }, (run) => run.stormP99Ms),
  baseline: (result) => (result as ResumeResult).quietP99Ms,
}

/** The raw server's part is played by clients that connect to a gateway and miss nothing. */
export function resume(name: string, options: BenchOptions): Scenario {
  const clients = scaled(10_000, options)
  const plan: ResumePlan = {
    clients,
    rooms: scaled(1_000, options),
    eventsBehind: 100,
    windowBytes: undefined,
    liveSockets: 100,
    liveEventsPerSecond: 500,
  }
  const elapsed = (run: ConnectResult | ResumeResult) => run.elapsedMs
  return {
    name,
    title: `${clients} clients resume, each ${plan.eventsBehind} events behind; “raw” is as many that only connect and join`,
    figures: [figure('elapsed', 'time until all are caught up', 'ms', { times: 2 }, elapsed), liveP99],
    connections: clients,
    run: (bench, kind) => (kind === 'raw' ? runConnect(bench, 'gateway', clients) : runResume(bench, plan)),
  }
}

/** Positions older than the window: the least that a reading of each partition's backlog can be is one. */
export function backlog(name: string, options: BenchOptions): Scenario {
  const clients = scaled(2_000, options)
  const plan: ResumePlan = {
    clients,
    rooms: scaled(500, options),
    eventsBehind: 100,
    windowBytes: 4 * 1024 * 1024,
    liveSockets: 100,
    liveEventsPerSecond: 500,
  }
  const scans: Figure = {
    ...figure<ResumeResult>('scans', 'readings of each partition', '', { times: 2 }, (run) => run.scansPerPartition),
    baseline: () => 1,
  }
  const rss: Figure = {
    ...figure<ResumeResult>('rss', 'resident set, beside before', 'MB', undefined, (run) => run.rssMbAfter),
    baseline: (result) => (result as ResumeResult).rssMbBefore,
  }
  return {
    name,
    title: `${clients} clients resume from below the window, ${plan.rooms} rooms, ${plan.eventsBehind} events each`,
    figures: [scans, rss, liveP99],
    connections: clients,
    run: (bench) => runResume(bench, plan),
  }
}
