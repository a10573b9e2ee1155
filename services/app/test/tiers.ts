import { afterEach } from '@jest/globals'
import type { AppendRecord, LogName } from '@roomway/broker'
import { type Handle, plainApplication } from '@roomway/handlers'
import { headerNames } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { type AppTier, type AppTierOptions, startAppTier } from '../src/app-tier.js'
import { silent } from './fixtures.js'
import type { MemoryClient, MemoryCluster } from './memory-cluster.js'

export const until = (what: string, condition: () => boolean) => eventually(condition, 20_000, what)

export const isOutcome = (records: readonly AppendRecord[]) =>
  records.some(({ headers }) => headerNames.seen in headers)

export interface TierParts extends Pick<AppTierOptions, 'application' | 'handlerDeadlineMs' | 'tracer'> {
  readonly handle?: Handle
  readonly everyMs?: number
}

export type Held = { readonly records: readonly AppendRecord[]; readonly land: () => void }

/** Instances of the app tier, which end with each test. */
export function tiersOfTest() {
  const open: AppTier[] = []
  const atEnd: (() => void)[] = []

  afterEach(async () => {
    for (const release of atEnd.splice(0)) release()
    await Promise.all(open.splice(0).map((tier) => tier.close()))
  })

  async function start(broker: MemoryClient, { handle, everyMs = 10, ...parts }: TierParts = {}): Promise<AppTier> {
    const pace = { everyMs, everyRecords: 1_000 }
    const application = handle && { ...plainApplication, decide: handle }
    const tier = await startAppTier({ broker, logger: silent, pace, ...parts, ...(application && { application }) })
    open.push(tier)
    return tier
  }

  /** Holds back the appends that `which` picks until the test lets them land, in whatever order. */
  function hold(client: MemoryClient, which: (records: readonly AppendRecord[], log: LogName) => boolean): Held[] {
    const held: Held[] = []
    let isHolding = true
    client.onAppend = async (log, records, land) => {
      if (isHolding && which(records, log)) await new Promise<void>((resolve) => held.push({ records, land: resolve }))
      land()
    }
    atEnd.push(() => {
      isHolding = false
      for (const { land } of held) land()
    })
    return held
  }

  return { start, hold }
}

/** A client whose appends land some turns of the event loop after they were asked for. */
export function hesitant(cluster: MemoryCluster): MemoryClient {
  const client = cluster.client()
  client.onAppend = async (_log, _records, land) => {
    for (let turns = Math.random() * 5; turns > 0; turns--) await new Promise(setImmediate)
    land()
  }
  return client
}
