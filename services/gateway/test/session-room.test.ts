import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { ServerFrame } from '@roomway/protocol'
import { turns } from './fake-broker.js'
import { type FakeClient, FakeNode } from './fake-node.js'

const outcome = (client: FakeClient, n: number) => ({
  partition: 0,
  key: `$session:${client.guest.connection!.session}`,
  headers: { 'roomway-id': `s:${n}.0`, 'roomway-event': '$reply', 'roomway-time': '1767225600000' },
  value: Buffer.from(String(n)),
})
const welcomeOf = (client: FakeClient) => client.socket.frames[0] as ServerFrame & { type: 'welcome' }
const replies = ({ socket }: FakeClient) => socket.frames.filter((frame) => frame.type === 'reply').map(({ id }) => id)
const types = ({ socket }: FakeClient, from = 1) => socket.frames.slice(from).map((frame) => frame.type)

describe('the room of a session', () => {
  let fake: FakeNode

  beforeEach(async () => {
    fake = await FakeNode.open()
  })
  afterEach(async () => {
    jest.useRealTimers()
    await fake.close()
  })

  const roomCount = () => [...fake.node.rooms.all()].length

  /** A second connection that takes the session of the first over, standing at `offset` of its room. */
  const resume = async (first: FakeClient, offset: number): Promise<FakeClient> => {
    const second = await fake.connect()
    const { resumeToken: token, epoch } = welcomeOf(first)
    fake.send(second, { type: 'resume', id: 1, token, rooms: { $session: { epoch, offset } } })
    return second
  }

  test('is forgotten by the node once it is caught up and holds nothing', async () => {
    for (let n = 0; n < 5; n++) await resume(await fake.connect(), -1)
    await turns(5)
    expect(roomCount()).toBe(0)
  })

  test('delivers on when its position could not be judged because the broker was away', async () => {
    const { events } = fake.broker
    events.isFollowing = false
    const first = await fake.connect()
    await events.append([outcome(first, 1)])
    events.end = () => Promise.reject(new Error('the broker is away'))
    const second = await resume(first, 0)
    await turns(5)
    expect(types(second)).toEqual(['error', 'resumed'])
    await events.append([outcome(second, 2)])
    events.deliver(0)
    expect(replies(second)).toContain(2)
  })

  test('is caught up once where a connection resumes twice before it is, and both resumes are answered', async () => {
    const { events } = fake.broker
    const first = await fake.connect()
    await events.append([outcome(first, 1), outcome(first, 2)])
    const second = await resume(first, -1)
    const { resumeToken: token, epoch } = welcomeOf(first)
    fake.send(second, { type: 'resume', id: 2, token, rooms: { $session: { epoch, offset: 0 } } })
    await turns(5)
    expect(replies(second)).toEqual([2])
    expect(types(second).filter((type) => type === 'resumed')).toHaveLength(2)
    await events.append([outcome(second, 3)])
    expect(replies(second)).toEqual([2, 3])
  })

  test('counts each frame of its outcomes once when they are caught up, and none for a record that stands for no frame', async () => {
    const { events } = fake.broker
    const first = await fake.connect()
    const marker = { ...outcome(first, 2), headers: { 'roomway-id': 's:2.0', 'roomway-event': '$effect' } }
    await events.append([outcome(first, 1), marker, outcome(first, 3)])
    const { counters } = first.guest.connection!
    const second = await fake.connect()
    const sent = counters.framesSent
    const had = second.socket.frames.length
    const { resumeToken: token, epoch } = welcomeOf(first)
    fake.send(second, { type: 'resume', id: 1, token, rooms: { $session: { epoch, offset: -1 } } })
    await turns(5)
    expect(replies(second)).toEqual([1, 3])
    expect(counters.framesSent - sent).toBe(second.socket.frames.length - had)
  })

  test('is told of a new log, so that the replies in it are not taken for old ones', async () => {
    const { events } = fake.broker
    const client = await fake.connect()
    await events.append([outcome(client, 1)])
    events.reset('e2')
    await turns(5)
    expect(client.socket.frames.at(-1)).toEqual({
      type: 'reset',
      room: '$session',
      epoch: 'e2',
      offset: -1,
      reason: 'epoch',
    })
    await events.append([outcome(client, 2)])
    expect(replies(client)).toEqual([1, 2])
  })
})

describe('the room of a quiet session', () => {
  test('gets progress, so that a resume after hours does not read hours of the log', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] })
    const fake = await FakeNode.open()
    const client = await fake.connect()
    await fake.broker.events.append([{ partition: 0, key: 'other', headers: {}, value: Buffer.from('1') }])
    jest.advanceTimersByTime(130_000)
    expect(client.socket.frames[1]).toMatchObject({ type: 'progress', room: '$session' })
    jest.useRealTimers()
    await fake.close()
  })
})
