import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { defineApp, type FoldOptions, fold, type Snapshot } from '../src/index.js'
import { MemoryRoomLog, parsed, run } from './fixtures.js'

/** Changes its state in place: what was handed out before must not show it. */
const listing = (options?: FoldOptions) =>
  fold(
    () => ({ texts: [] as unknown[] }),
    (state, { data }) => {
      if (data === 'poison') throw new Error('cannot fold this')
      state.texts.push(data)
      return state
    },
    options,
  )

function asking(snapshot = listing(), log = new MemoryRoomLog()) {
  const app = defineApp({ '{room}': { snapshot } })
  const ask = (room = 'r', signal = new AbortController().signal): Promise<Snapshot | undefined> =>
    app.snapshot({ room, user: 'ann' }, log, run({ signal }))
  return { log, ask }
}

const texts = (snapshot: Snapshot | undefined) => (parsed(snapshot?.data) as { texts: unknown[] }).texts

/** A moment that the test ends. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

describe('a fold', () => {
  test('is the state of exactly the events up to its position, and stays that', async () => {
    const { log, ask } = asking()
    expect(await ask()).toMatchObject({ position: { epoch: 'e1', offset: -1 } })
    log.append('a')
    log.append('b')
    const first = await ask()
    log.append('c')
    const second = await ask()
    expect([first?.position.offset, texts(first)]).toEqual([4, ['a', 'b']])
    expect([second?.position.offset, texts(second)]).toEqual([7, ['a', 'b', 'c']])
  })

  test('reads on from where it stands', async () => {
    const { log, ask } = asking()
    log.append('a')
    await ask()
    log.append('b')
    await ask()
    await ask()
    expect(log.readFrom).toEqual([undefined, 1, 4])
  })

  test('does not hold an event that comes while it is read', async () => {
    const { log, ask } = asking()
    log.append('a')
    log.onRead = () => log.append('meanwhile')
    const first = await ask()
    log.onRead = undefined
    expect([first?.position.offset, texts(first)]).toEqual([1, ['a']])
    expect(texts(await ask())).toEqual(['a', 'meanwhile'])
  })

  test('begins anew in another epoch, and where its place has fallen out of the log', async () => {
    const { log, ask } = asking()
    log.append('a')
    await ask()
    log.begin('e2')
    log.append('other')
    expect(await ask()).toMatchObject({ position: { epoch: 'e2' } })
    expect(texts(await ask())).toEqual(['other'])
    for (const data of ['b', 'c', 'd']) log.append(data)
    log.start = 6
    expect(texts(await ask())).toEqual(['c', 'd'])
  })

  test('begins anew where the log does so between two questions to it', async () => {
    const { log, ask } = asking()
    log.append('a')
    await ask()
    log.onRead = () => {
      log.onRead = undefined
      log.begin('e2')
      log.append('other')
    }
    const snapshot = await ask()
    expect([snapshot?.position.epoch, texts(snapshot)]).toEqual(['e2', ['other']])
  })

  test('is read once for all who ask meanwhile', async () => {
    const { log, ask } = asking()
    log.append('a')
    const { opened, open } = gate()
    log.onRead = () => opened
    const asked = [ask(), ask(), ask()]
    open()
    expect((await Promise.all(asked)).map(texts)).toEqual([['a'], ['a'], ['a']])
    expect(log.reads).toBe(1)
  })

  test('is read again for who asked after one that was given up', async () => {
    const { log, ask } = asking()
    log.append('a')
    const { opened, open } = gate()
    const leader = new AbortController()
    log.onRead = () => {
      log.onRead = undefined
      return opened.then(() => leader.signal.throwIfAborted())
    }
    const first = ask('r', leader.signal)
    const second = ask()
    leader.abort(new Error('gone'))
    open()
    await expect(first).rejects.toThrow('gone')
    expect(texts(await second)).toEqual(['a'])
  })

  test('whose reading breaks off goes on from the last event it took', async () => {
    const { log, ask } = asking()
    for (const data of ['a', 'b', 'c']) log.append(data)
    log.breaksAfter = 2
    await expect(ask()).rejects.toThrow('the log is away')
    log.breaksAfter = 0
    await expect(ask()).rejects.toThrow('the log is away')
    log.breaksAfter = undefined
    expect(texts(await ask())).toEqual(['a', 'b', 'c'])
    expect(log.readFrom).toEqual([undefined, 3, 3])
  })

  test('that fails at an event leaves nothing half done', async () => {
    const { log, ask } = asking()
    log.append('a')
    await ask()
    log.append('b')
    log.append('poison')
    await expect(ask()).rejects.toThrow('cannot fold this')
    log.events.splice(2)
    expect(texts(await ask())).toEqual(['a', 'b'])
  })

  test('is an error where it gives no state, a promise of one, or no JSON', async () => {
    const folds: [() => unknown, RegExp][] = [
      [() => undefined, /returned nothing for the event message at 0/],
      [() => Promise.resolve({}), /cannot be async/],
      [() => 1n, /the state is no JSON/],
    ]
    for (const [reduce, message] of folds) {
      const { log, ask } = asking(fold<unknown>(() => ({}), reduce))
      log.append('a')
      await expect(ask()).rejects.toThrow(message)
    }
  })

  test('keeps the states that were used last, within its bound', async () => {
    const log = new MemoryRoomLog()
    const { ask } = asking(listing({ maxBytes: 1_200 }), log)
    log.append('a')
    for (const room of ['r1', 'r2', 'r1', 'r3']) await ask(room)
    log.readFrom.length = 0
    for (const room of ['r1', 'r3', 'r2']) await ask(room)
    expect(log.readFrom).toEqual([1, 1, undefined])
  })

  test('is of few rooms at a time; the others wait for their turn, or until they are given up', async () => {
    const { log, ask } = asking()
    const { opened, open } = gate()
    log.onRead = () => opened
    const controller = new AbortController()
    const asked = ['r1', 'r2', 'r3', 'r4', 'r5'].map((room) => ask(room))
    const givenUp = ask('r6', controller.signal)
    controller.abort(new Error('gone'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(log.reads).toBe(4)
    open()
    await Promise.all(asked)
    await expect(givenUp).rejects.toThrow('gone')
    expect(log.reads).toBe(5)
  })

  test('always equals what the events up to its position make, whatever comes when', async () => {
    const step = fc.constantFrom('append', 'ask', 'askAnother', 'retain', 'anew')
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 600, max: 4_000 }),
        async (steps, maxBytes) => {
          const { log, ask } = asking(listing({ maxBytes }))
          const history = new Map<string, { offset: number; data: unknown }[]>([['e1', []]])
          const asked: Promise<void>[] = []
          let count = 0
          const check = (room: string) =>
            ask(room).then((snapshot) => {
              const { epoch, offset } = snapshot!.position
              const expected = history.get(epoch)!.filter((event) => event.offset <= offset)
              // What retention took may be missing at the beginning, and nothing else.
              const shown = texts(snapshot)
              expect(shown).toEqual(expected.map(({ data }) => data).slice(expected.length - shown.length))
              if (log.start === 0) expect(shown).toHaveLength(expected.length)
            })
          for (const one of steps) {
            if (one === 'append') {
              log.append(++count)
              history.get(log.epoch)!.push({ offset: log.events.at(-1)!.offset, data: count })
            } else if (one === 'anew') {
              await Promise.all(asked.splice(0))
              log.begin(`e${history.size + 1}`)
              history.set(log.epoch, [])
            } else if (one === 'retain') log.start = log.events.at(Math.floor(log.events.length / 2))?.offset ?? 0
            else asked.push(check(one === 'ask' ? 'r1' : 'r2'))
            if (count % 3 === 0) await Promise.resolve()
          }
          await Promise.all(asked)
        },
      ),
      { numRuns: 200 },
    )
  })
})

test('a snapshot of the application’s own states its position, or there is none', async () => {
  const app = defineApp({
    own: {
      snapshot: async (ctx) => ({ data: { of: ctx.room }, position: await ctx.log.end() }),
    },
    none: { snapshot: () => undefined },
    lost: { snapshot: () => ({ data: 1 }) as never },
    plain: {},
  })
  const ask = (room: string) => app.snapshot({ room, user: 'ann' }, new MemoryRoomLog(), run())
  const own = await ask('own')
  expect([own?.position, parsed(own?.data)]).toEqual([{ epoch: 'e1', offset: -1 }, { of: 'own' }])
  for (const room of ['none', 'plain', 'else']) expect(await ask(room)).toBeUndefined()
  await expect(ask('lost')).rejects.toThrow(/"lost" states no position/)
})
