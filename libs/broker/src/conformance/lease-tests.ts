import { expect, test } from '@jest/globals'
import type { LeaseObserver } from '../lease.js'
import { Changes, usualMs, within } from './deadline.js'
import type { FeatureTest } from './feature-test.js'
import type { BrokerHarness } from './harness.js'
import { type Scene, scene } from './scene.js'

const partitions = 4
const all = [0, 1, 2, 3]

export function leaseTests(harness: BrokerHarness, withFeature: FeatureTest): void {
  test('each partition has one of two claimers as its owner', scene(harness, twoClaimers))

  test('what an owner gives up, by its lease or by its broker, goes to the others', scene(harness, givenUp))

  test('a third claimer gets some or waits, and gets all once it is alone', scene(harness, thirdClaimer))

  test(
    'claims of different names have nothing to do with each other',
    scene(harness, async (s) => {
      const [broker, claims] = [await s.open(), new Claims()]
      await Promise.all(['commands', 'movers'].map((name) => broker.claim(name, partitions, claims.observer(name))))
      await claims.until('both names to be served', () => claims.owns('commands', all) && claims.owns('movers', all))
      claims.check()
    }),
  )

  for (const loss of ['kill', 'hang'] as const)
    withFeature(
      'claim-process',
      `partitions move on when their owner's process is lost by ${loss}`,
      scene(harness, (s) => lostProcess(s, loss)),
      120_000,
    )
}

/** Who owns what, as the observers were told. */
class Claims {
  readonly #owned = new Map<string, Set<number>>()
  readonly #changes = new Changes()
  readonly #violations: string[] = []
  readonly #closed = new Set<string>()

  observer(who: string): LeaseObserver {
    const owned = new Set<number>()
    this.#owned.set(who, owned)
    const told = (call: string, partition: number, fits: boolean): void => {
      if (!fits) this.#violations.push(`${who} was told ${call}(${partition}) out of turn`)
      if (this.#closed.has(who)) this.#violations.push(`${who} was told ${call}(${partition}) after close`)
    }
    return {
      onOwned: (partition) => {
        told('onOwned', partition, !owned.has(partition))
        owned.add(partition)
        this.#changes.changed()
      },
      onLost: (partition) => {
        told('onLost', partition, owned.has(partition))
        owned.delete(partition)
        this.#changes.changed()
      },
    }
  }

  owned(who: string): number[] {
    return [...(this.#owned.get(who) ?? [])].toSorted((one, other) => one - other)
  }

  owns(who: string, wanted: readonly number[]): boolean {
    return this.owned(who).join() === wanted.join()
  }

  /** Every partition has exactly one owner among these. */
  shared(...who: string[]): boolean {
    const owned = who.flatMap((each) => this.owned(each)).toSorted((one, other) => one - other)
    return owned.join() === all.join()
  }

  closed(who: string): void {
    this.#closed.add(who)
    expect({ who, owned: this.owned(who) }).toEqual({ who, owned: [] })
  }

  async until(what: string, holds: () => boolean, ms = usualMs): Promise<void> {
    const state = (): unknown => [...this.#owned.keys()].map((who) => [who, this.owned(who)])
    await this.#changes.until(what, holds, state, ms)
  }

  check(): void {
    expect(this.#violations).toEqual([])
  }
}

async function twoClaimers(s: Scene): Promise<void> {
  const [claims, brokers] = [new Claims(), [await s.open(), await s.open()]]
  await Promise.all(brokers.map((broker, index) => broker.claim('duty', partitions, claims.observer(`c${index}`))))
  await claims.until('one owner for each partition', () => claims.shared('c0', 'c1'), s.recoveryMs)
  claims.check()
}

async function givenUp(s: Scene): Promise<void> {
  const claims = new Claims()
  const [first, second, third] = [await s.open(), await s.open(), await s.open()]
  const lease = await first.claim('duty', partitions, claims.observer('first'))
  await claims.until('the only claimer to own all', () => claims.owns('first', all), s.recoveryMs)
  await second.claim('duty', partitions, claims.observer('second'))
  await within(usualMs, 'a lease to close', Promise.all([lease.close(), lease.close()]))
  claims.closed('first')
  await claims.until('the second to own all', () => claims.owns('second', all), s.recoveryMs)
  await third.claim('duty', partitions, claims.observer('third'))
  await second.close()
  claims.closed('second')
  await claims.until('the third to own all', () => claims.owns('third', all), s.recoveryMs)
  await lease.close()
  claims.check()
}

async function thirdClaimer(s: Scene): Promise<void> {
  const claims = new Claims()
  const brokers = [await s.open(), await s.open(), await s.open()]
  const leases = await Promise.all(
    brokers.slice(0, 2).map((each, i) => each.claim('duty', partitions, claims.observer(`c${i}`))),
  )
  await claims.until('two owners', () => claims.shared('c0', 'c1'), s.recoveryMs)
  await brokers[2]!.claim('duty', partitions, claims.observer('c2'))
  await claims.until('one owner for each with three claimers', () => claims.shared('c0', 'c1', 'c2'), s.recoveryMs)
  await Promise.all(leases.map((lease) => lease.close()))
  claims.closed('c0')
  claims.closed('c1')
  await claims.until('the third to own all', () => claims.owns('c2', all), s.recoveryMs)
  claims.check()
}

async function lostProcess(s: Scene, loss: 'kill' | 'hang'): Promise<void> {
  const claims = new Claims()
  const [broker, spare] = [await s.open(), await s.open()]
  const lost = await s.harness.claimProcess!(s.prefix, 'duty', partitions, claims.observer('lost'))
  try {
    await claims.until('the first claimer to own all', () => claims.owns('lost', all), s.recoveryMs)
    await broker.claim('duty', partitions, claims.observer('stays'))
    await spare.claim('duty', partitions, claims.observer('spare'))
    await lost[loss]()
    await claims.until('the others to own all', () => claims.shared('stays', 'spare'), s.recoveryMs)
  } finally {
    await lost.kill()
  }
  claims.check()
}
