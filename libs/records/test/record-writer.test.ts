import { describe, expect, jest, test } from '@jest/globals'
import { AppendError, type AppendRecord, type Log } from '@roomway/broker'
import { RecordWriter } from '@roomway/records'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const record = (key: string, partition = 0, bytes = 0): AppendRecord => ({
  partition,
  key,
  headers: {},
  value: new Uint8Array(bytes),
})

/** A log whose appends the test settles, in the order they came. */
class HeldLog {
  readonly appended: string[][] = []
  readonly #settle: { resolve: () => void; reject: (error: Error) => void }[] = []
  #arrived: () => void = () => undefined

  readonly log = {
    append: (records: readonly AppendRecord[]) =>
      new Promise<void>((resolve, reject) => {
        this.appended.push(records.map(({ key }) => key))
        this.#settle.push({ resolve, reject })
        this.#arrived()
      }),
  } as unknown as Log

  async next(): Promise<{ resolve: () => void; reject: (error: Error) => void }> {
    while (this.#settle.length === 0) await new Promise<void>((resolve) => (this.#arrived = resolve))
    return this.#settle.shift()!
  }
}

const unknown = () => new AppendError('unknown', 'the connection was lost')

describe('a record writer', () => {
  test('appends what was written in the same tick as one batch, and what came meanwhile as the next', async () => {
    const held = new HeldLog()
    const writer = new RecordWriter({ log: held.log, logger: silent })
    const first = [writer.write(0, () => record('a')), writer.write(0, () => record('b'))]
    const append = await held.next()
    const later = [writer.write(0, () => record('c')), writer.write(0, () => record('d'))]
    append.resolve()
    await Promise.all(first)
    ;(await held.next()).resolve()
    await Promise.all(later)
    expect(held.appended).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
  })

  test('appends a failed batch again before anything written after it', async () => {
    const held = new HeldLog()
    const writer = new RecordWriter({ log: held.log, logger: silent, maxBatchRecords: 2 })
    const written = ['a', 'b', 'c'].map((key) => writer.write(0, () => record(key)))
    ;(await held.next()).reject(unknown())
    ;(await held.next()).reject(new AppendError('not-appended', 'full'))
    ;(await held.next()).resolve()
    ;(await held.next()).resolve()
    await Promise.all(written)
    expect(held.appended).toEqual([['a', 'b'], ['a', 'b'], ['a', 'b'], ['c']])
  })

  test('asks for the record again at a repeat, and leaves it out where it is not needed any more', async () => {
    const held = new HeldLog()
    const writer = new RecordWriter({ log: held.log, logger: silent })
    let asked = 0
    const changing = writer.write(0, () => record(`a${asked++}`))
    const obsolete = writer.write(0, () => (asked > 1 ? undefined : record('b')))
    ;(await held.next()).reject(unknown())
    ;(await held.next()).resolve()
    await Promise.all([changing, obsolete])
    expect(held.appended).toEqual([['a0', 'b'], ['a1']])
  })

  test('lets one partition go on while another fails', async () => {
    const held = new HeldLog()
    const writer = new RecordWriter({ log: held.log, logger: silent })
    const stuck = writer.write(0, () => record('a', 0))
    ;(await held.next()).reject(unknown())
    const free = writer.write(1, () => record('b', 1))
    const settled = [await held.next(), await held.next()]
    for (const append of settled) append.resolve()
    await Promise.all([stuck, free])
    expect(held.appended.flat().sort()).toEqual(['a', 'a', 'b'])
  })

  test('bounds a batch in bytes, and appends alone what is larger than the bound', async () => {
    const held = new HeldLog()
    const writer = new RecordWriter({ log: held.log, logger: silent, maxBatchBytes: 10 })
    const written = [6, 4, 1, 50, 1].map((bytes, i) => writer.write(0, () => record(String(i), 0, bytes)))
    for (let i = 0; i < 4; i++) (await held.next()).resolve()
    await Promise.all(written)
    expect(held.appended).toEqual([['0', '1'], ['2'], ['3'], ['4']])
  })

  test('gives a record up after its time, with the last error', async () => {
    const held = new HeldLog()
    const writer = new RecordWriter({ log: held.log, logger: silent, giveUpAfterMs: 0 })
    const written = writer.write(0, () => record('a'))
    ;(await held.next()).reject(unknown())
    await expect(written).rejects.toThrow('the connection was lost')
  })

  test('does not say that a record given up is not there where an attempt before the last may have appended it', async () => {
    const held = new HeldLog()
    const writer = new RecordWriter({ log: held.log, logger: silent, giveUpAfterMs: 60_000 })
    const written = writer.write(0, () => record('a'))
    ;(await held.next()).reject(unknown())
    const last = await held.next()
    const now = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 120_000)
    last.reject(new AppendError('not-appended', 'refused'))
    await expect(written).rejects.toMatchObject({ name: 'AppendError', outcome: 'unknown' })
    now.mockRestore()
  })

  test('when closed waits for the append under way, rejects the rest as unknown, and appends nothing more', async () => {
    const held = new HeldLog()
    const writer = new RecordWriter({ log: held.log, logger: silent, maxBatchRecords: 1 })
    const first = writer.write(0, () => record('a'))
    const second = writer.write(0, () => record('b'))
    const refused = expect(second).rejects.toMatchObject({ outcome: 'unknown' })
    const append = await held.next()
    const closed = writer.close()
    append.resolve()
    await closed
    await first
    await refused
    await expect(writer.write(0, () => record('c'))).rejects.toMatchObject({ outcome: 'not-appended' })
    expect(held.appended).toEqual([['a']])
  })

  test('when closed rejects what is left at once, whatever the clock says meanwhile', async () => {
    const held = new HeldLog()
    const writer = new RecordWriter({ log: held.log, logger: silent })
    const refused = expect(writer.write(0, () => record('a'))).rejects.toMatchObject({ outcome: 'unknown' })
    const append = await held.next()
    const now = performance.now.bind(performance)
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now() - 1_000)
    const closed = writer.close()
    append.reject(unknown())
    await Promise.all([closed, refused])
    expect(clock.mock.calls.length).toBeLessThan(10)
    clock.mockRestore()
  })
})
