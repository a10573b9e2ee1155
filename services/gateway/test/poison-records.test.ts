import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { turns } from './fake-broker.js'
import { type FakeClient, FakeNode } from './fake-node.js'

const room = 'chat:1'
const deep = '['.repeat(100) + ']'.repeat(100)

const record = (value: string, headers: Record<string, string> = {}, key = room) => ({
  partition: 0,
  key,
  headers,
  value: Buffer.from(value),
})
const ours = { 'roomway-time': '1767225600000' }
const data = ({ socket }: FakeClient) => socket.events(room).map((event) => event.data)

describe('a record that no honest publisher writes', () => {
  let fake: FakeNode
  let json: FakeClient
  let msgpack: FakeClient

  beforeEach(async () => {
    fake = await FakeNode.open()
    json = await fake.connect('json')
    msgpack = await fake.connect('msgpack')
    for (const client of [json, msgpack]) fake.send(client, { type: 'join', id: 1, room })
  })
  afterEach(() => fake.close())

  const setAside = () => [...fake.node.counters.setAside]

  test('is set aside where it nests deeper than a client takes; the batch goes on', async () => {
    await fake.broker.events.append([record(deep), record('1')])
    expect([data(json), data(msgpack)]).toEqual([[1], [1]])
    expect(setAside()).toEqual([['bad_json', 1]])
  })

  test('reaches MessagePack clients as bytes where it says it was checked and is no JSON after all; the batch goes on', async () => {
    fake.send(json, { type: 'leave', id: 2, room })
    await fake.broker.events.append([record('{', ours), record(deep, ours), record('1')])
    const [first, second, third] = msgpack.socket.events(room)
    expect(Buffer.from(first!.data as Uint8Array).toString()).toBe('{')
    expect(first!.contentType).toBe('application/json')
    expect(Buffer.from(second!.data as Uint8Array).toString()).toBe(deep)
    expect(third).toMatchObject({ data: 1, offset: 2, prev: 1 })
  })

  test('is replayed as it was shown live, and ends no process', async () => {
    fake.send(json, { type: 'leave', id: 2, room })
    await fake.broker.events.append([record('{', ours), record('1')])
    const late = await fake.connect('msgpack')
    fake.send(late, { type: 'join', id: 1, room, from: { epoch: 'e1', offset: -1 } })
    await turns(10)
    expect(data(late)).toEqual([new Uint8Array([0x7b]), 1])
  })

  test('has the time of the log where its own is no number', async () => {
    for (const time of ['Infinity', '1e999', 'x', '-1', '1.5'])
      await fake.broker.events.append([record('1', { 'roomway-time': time })])
    expect(json.socket.events(room)).toHaveLength(5)
    for (const event of json.socket.events(room)) expect(event.time).toBeGreaterThan(1_700_000_000_000)
    await fake.broker.events.append([record('{', { 'roomway-time': 'x' })])
    expect(setAside()).toEqual([['bad_json', 1]])
  })

  test('is not taken for a reply where it stands in the room of a session and is none', async () => {
    const key = `$session:${json.guest.connection!.session}`
    const before = json.socket.frames.length
    await fake.broker.events.append([
      record('{', ours, key),
      record('a', { 'content-type': 'text/plain' }, key),
      record('1', { 'roomway-id': 'strange' }, key),
      record('9', { 'roomway-id': 'a:6.0', 'roomway-event': '$reply' }, key),
      record('2', { ...ours, 'roomway-id': 'a:7.0', 'roomway-event': '$reply' }, key),
      record('3'),
    ])
    expect(json.socket.frames.slice(before)).toMatchObject([
      { type: 'reply', id: 7, offset: 4, data: 2 },
      { type: 'event', data: 3 },
    ])
  })
})

describe('a publish whose data nests deeper than a client takes', () => {
  test('is refused, however it is wrapped', async () => {
    const fake = await FakeNode.open()
    const client = await fake.connect()
    await turns(2)
    const dataBase64 = Buffer.from(deep).toString('base64')
    fake.send(client, { type: 'publish', id: 1, room, dataBase64, contentType: 'application/json' })
    expect(client.socket.frames.at(-1)).toMatchObject({ type: 'error', id: 1, code: 'bad_payload' })
    await fake.close()
  })
})
