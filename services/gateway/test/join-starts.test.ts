import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { headerNames } from '@roomway/records'
import { KeptEvents } from '../src/log/kept-events.js'
import { turns } from './fake-broker.js'
import { FakeNode } from './fake-node.js'

const room = 'chat:1'
const secondMs = 1_000

describe('a join that asks for what was', () => {
  let fake: FakeNode

  beforeEach(async () => {
    fake = await FakeNode.open()
  })
  afterEach(async () => {
    jest.restoreAllMocks()
    await fake.close()
  })

  /** An event that its publisher says is so old. */
  async function publish(data: string, ageMs = 0): Promise<void> {
    const headers = { [headerNames.time]: String(Date.now() - ageMs) }
    await fake.broker.events.append([{ partition: 0, key: room, headers, value: Buffer.from(JSON.stringify(data)) }])
    await turns(2)
  }

  async function joined(from: object): Promise<unknown[]> {
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room, from })
    await turns(5)
    expect(client.socket.frames.some(({ type }) => type === 'joined')).toBe(true)
    return client.socket.events(room).map(({ data }) => data)
  }

  test.each([
    [0, []],
    [1, ['c']],
    [2, ['b', 'c']],
    [3, ['a', 'b', 'c']],
    [9, ['a', 'b', 'c']],
  ])('by its last %i events gets these, or as many as there are', async (last, events) => {
    for (const data of ['a', 'b', 'c']) await publish(data)
    expect(await joined({ last })).toEqual(events)
  })

  test.each([[{ last: 1_000_000_000 }], [{ withinMs: 9_000_000_000_000_000 }]])(
    'by %j looks for its beginning in its turn, and not at all when it is over by then',
    async (from) => {
      await publish('a')
      const client = await fake.connect()
      const steps = jest.spyOn(KeptEvents.prototype, 'prevInRoom')
      for (let id = 1; id <= 100; id++) fake.send(client, { type: 'join', id, room, from })
      expect(steps).not.toHaveBeenCalled()
      await turns(5)
      expect(steps).toHaveBeenCalledTimes(1)
      expect(client.socket.events(room).map(({ data }) => data)).toEqual(['a'])
      expect(client.socket.frames.at(-1)).toMatchObject({ type: 'joined', id: 100 })
    },
  )

  test('by a time gets all from the first that is so young on, in order, older ones among it', async () => {
    await publish('old', 90 * secondMs)
    await publish('first', 30 * secondMs)
    await publish('of a slow clock', 90 * secondMs)
    await publish('last', 10 * secondMs)
    expect(await joined({ withinMs: 60 * secondMs })).toEqual(['first', 'of a slow clock', 'last'])
    expect(await joined({ withinMs: secondMs })).toEqual([])
  })

  test('by a time does not get what was read long before it, though its publisher’s clock is ahead', async () => {
    const now = Date.now()
    const clock = jest.spyOn(Date, 'now').mockReturnValue(now - 150 * secondMs)
    await publish('long ago, by a clock that is ahead', -300 * secondMs)
    clock.mockReturnValue(now - 90 * secondMs)
    await publish('some time ago, by a clock that is a minute ahead', -60 * secondMs)
    clock.mockReturnValue(now)
    await publish('now')
    expect(await joined({ withinMs: 60 * secondMs })).toEqual([
      'some time ago, by a clock that is a minute ahead',
      'now',
    ])
  })
})
