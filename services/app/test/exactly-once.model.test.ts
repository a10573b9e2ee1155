/*
 * A model of exactly-once: the owners of the app tier as they are, in a world where every interleaving of client, gateways, broker and owners is played
 * (`model/world.ts`), judged by what readers see (`model/checker.ts`). That the judge sees is shown by taking out one rule after the other.
 */
import { describe, expect, jest, test } from '@jest/globals'
import { forwardDoor, forwardOf, isForward, lookbackOffsets } from '@roomway/records'
import * as completion from '../src/commands/completion.js'
import * as eventsScan from '../src/commands/events-scan.js'
import * as outcomeDraft from '../src/commands/outcome-draft.js'
import type { Exploration } from './model/explore.js'

const patienceMs = 600_000

/** Short waits are over at once, long ones never: in the model nothing comes of time. `mutate` takes a rule out. */
async function explore(exploration: Exploration, mutate: () => void = () => undefined) {
  jest.resetModules()
  jest.unstable_mockModule('node:timers/promises', () => ({ setTimeout: wait }))
  mutate()
  const { explore: play } = await import('./model/explore.js')
  try {
    return await play(exploration)
  } finally {
    for (const path of mutated) jest.unstable_unmockModule(path)
  }
}

function wait(ms: number, _value: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    if (ms < 1_000) setImmediate(resolve)
  })
}

const paths = {
  firstOutcome: '../../../libs/records/src/first-outcome.js',
  forward: '../../../libs/records/src/forward.js',
  search: '../../../libs/records/src/outcome-search.js',
  completion: '../src/commands/completion.js',
  scan: '../src/commands/events-scan.js',
  draft: '../src/commands/outcome-draft.js',
}
const mutated = Object.values(paths)

describe('each command has one effect, complete and out of one run, and in order', () => {
  test(
    'whoever is paused, doubled, killed or late, and whatever is sent again',
    async () => {
      const { failure, tally, played } = await explore({ runs: 1_300, seed: 20_261, isBusy: false })
      expect(failure).toBeUndefined()
      expect(played).toBe(1_300)
      expect(tally.reruns).toBeGreaterThan(1_000)
      expect(tally.repeats).toBeGreaterThan(1_000)
      expect(tally.forwards).toBeGreaterThan(1_000)
    },
    patienceMs,
  )

  test(
    'and where thousands of other records come between (but for the order)',
    async () => {
      const { failure, tally, played } = await explore({ runs: 700, seed: 20_262, isBusy: true })
      expect(failure).toBeUndefined()
      expect(played).toBe(700)
      expect(tally.rewrites).toBeGreaterThan(20)
      expect(tally.searches).toBeGreaterThan(100)
    },
    patienceMs,
  )
})

/** The events are read from their end, as if there had been no outcome before. */
class ForgetfulScan {
  readonly #options: eventsScan.EventsScanOptions
  #scan: eventsScan.EventsScan | undefined

  constructor(options: eventsScan.EventsScanOptions) {
    this.#options = options
  }

  get position() {
    return this.#scan?.position ?? 0
  }

  get settledPosition() {
    return this.#scan?.settledPosition ?? 0
  }

  whenReached(offset: number) {
    return this.#scan?.whenReached(offset) ?? Promise.resolve()
  }

  async open() {
    const end = await this.#options.events.end(this.#options.partition)
    this.#scan = new eventsScan.EventsScan({ ...this.#options, from: end + lookbackOffsets })
    await this.#scan.open()
  }
}

/** What an earlier owner left undone is taken as done. */
class CarelessCompletion extends completion.Completion {
  override settle(...[pending, effect]: Parameters<completion.Completion['settle']>) {
    const done = { type: 'event', offset: effect.offset, reply: undefined } as const
    return super.settle(pending, pending.found === undefined ? effect : done)
  }
}

/** The rules of `libs/records/src/first-outcome.ts` once more, to be broken one at a time. */
const rules = {
  outcomeCounts: (offset: number, seen: number, last: number) =>
    last <= seen && offset - seen <= lookbackOffsets && seen < offset,
  isRepeat: (last: number) => last >= 0,
}

let forwarded = 0

const mutations: [string, boolean, string, () => Record<string, unknown>][] = [
  [
    'what an outcome’s writer had seen is not looked at',
    false,
    paths.firstOutcome,
    () => ({ ...rules, outcomeCounts: (offset: number, seen: number) => seen < offset }),
  ],
  [
    'the stretch an outcome speaks of has no bound',
    true,
    paths.firstOutcome,
    () => ({
      ...rules,
      outcomeCounts: (offset: number, seen: number, last: number) => last <= seen && seen < offset,
    }),
  ],
  ['repeats of free ids are shown', false, paths.firstOutcome, () => ({ ...rules, isRepeat: () => false })],
  ['an owner does not read back at a takeover', false, paths.scan, () => ({ EventsScan: ForgetfulScan })],
  [
    'a command sent again long after is not looked for',
    true,
    paths.search,
    () => ({ findRecentOutcomes: async () => new Map(), repeatSpanMs: () => 0 }),
  ],
  [
    'what follows from an outcome is not completed at a takeover',
    false,
    paths.completion,
    () => ({ Completion: CarelessCompletion }),
  ],
  [
    'an event of an answer is another command each time it is forwarded',
    false,
    paths.forward,
    () => ({
      forwardDoor,
      isForward,
      forwardOf: (...given: Parameters<typeof forwardOf>) => {
        const one = forwardOf(...given)
        return { ...one, id: `${one.id}.${forwarded++}` }
      },
    }),
  ],
  [
    'a room goes on before the events of its last answer are on their way',
    false,
    paths.draft,
    () => ({
      ...outcomeDraft,
      draftOutcome: (...given: Parameters<typeof outcomeDraft.draftOutcome>) => ({
        ...outcomeDraft.draftOutcome(...given),
        holdsRoom: false,
      }),
    }),
  ],
]

test.each(mutations)(
  'it is seen where %s',
  async (_, isBusy, path, broken) => {
    const mutate = () => jest.unstable_mockModule(path, broken)
    const { failure } = await explore({ runs: 1_000, seed: 20_263, isBusy, endOnFailure: true }, mutate)
    expect(failure).toBeDefined()
  },
  patienceMs,
)
