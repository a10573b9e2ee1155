import { expect, test } from '@jest/globals'
import { RoomDirectory } from '@roomway/records'
import { Scan } from '../src/log/replay/scan.js'
import { Turns } from '../src/turns/turns.js'

/** Turns that last as long as they are told to. */
class LongTurns extends Turns {
  taken = 0
  readonly #lastMs: number

  constructor(lastMs: number) {
    super()
    this.#lastMs = lastMs
  }

  override async next(): Promise<number> {
    this.taken++
    return performance.now() + this.#lastMs
  }
}

async function turnsFor(batches: number, lastMs: number): Promise<number> {
  const turns = new LongTurns(lastMs)
  const options = { epoch: 'e1', directory: new RoomDirectory(1), softLimitBytes: 1_000, turns }
  const scan = new Scan(options, 0, 0, [], new AbortController())
  for (let offset = 0; offset < batches; offset++) {
    const record = { partition: 0, offset, key: 'chat:1', headers: {}, value: Buffer.from('1'), timeMs: 0 }
    await scan.onBatch({ partition: 0, records: [record], nextOffset: offset + 1 })
  }
  return turns.taken
}

test('a scan takes as many batches in a turn as it has time for, so that small ones do not slow it down', async () => {
  expect(await turnsFor(50, 60_000)).toBe(1)
})

test('a scan takes a batch in each turn where they have no time for more', async () => {
  expect(await turnsFor(50, -1)).toBeGreaterThanOrEqual(50)
})
