import { describe, expect, test } from '@jest/globals'
import { type Context, type ContextManager, context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api'
import { AppendError, type AppendRecord, type Broker } from '@roomway/broker'
import { homeOf } from '@roomway/records'
import { openPublisher } from '../src/publisher.js'

/** A broker whose events log takes what it is given, unless `onAppend` does otherwise. */
function brokerOf(onAppend: (records: readonly AppendRecord[]) => Promise<void> = async () => undefined) {
  const appended: AppendRecord[] = []
  const append = async (records: readonly AppendRecord[]) => {
    appended.push(...records)
    await onAppend(records)
  }
  const log = { epoch: 'e1', partitions: 4, append }
  const broker = { kind: 'kafka', log: async () => log, close: async () => undefined } as unknown as Broker
  return { broker, appended }
}

describe('a publisher', () => {
  test.each([
    ['a system room', '$session:a', 'a', 1, {}, 'bad_room'],
    ['a room that cannot be', '', 'a', 1, {}, 'bad_room'],
    ['an event name of the system’s', 'r', '$a', 1, {}, 'bad_event_name'],
    ['an event name that cannot be', 'r', 'a\nb', 1, {}, 'bad_event_name'],
    ['a value without a JSON form', 'r', 'a', () => 1, {}, 'bad_payload'],
    ['a value whose JSON form fails', 'r', 'a', 1n, {}, 'bad_payload'],
    ['bytes that are no JSON', 'r', 'a', Uint8Array.of(0x7b), { contentType: 'application/json' }, 'bad_payload'],
    [
      'a value that nests deeper than clients take',
      'r',
      'a',
      JSON.parse('['.repeat(64) + ']'.repeat(64)),
      {},
      'bad_payload',
    ],
    ['an object that says it is text', 'r', 'a', {}, { contentType: 'text/plain' }, 'bad_payload'],
    ['a content type too long', 'r', 'a', 'x', { contentType: 'x'.repeat(256) }, 'bad_payload'],
    ['an empty id', 'r', 'a', 1, { id: '' }, 'bad_payload'],
    ['an id that is no string', 'r', 'a', 1, { id: 7 as unknown as string }, 'bad_payload'],
    ['a header that only Roomway sets', 'r', 'a', 1, { headers: { 'Roomway-Seen': '1' } }, 'bad_payload'],
    ['a header that says the content type', 'r', 'a', 1, { headers: { 'content-type': 'text/plain' } }, 'bad_payload'],
    ['a header that is no string', 'r', 'a', 1, { headers: { n: 1 as unknown as string } }, 'bad_payload'],
    ['a header of a very long name', 'r', 'a', 1, { headers: { ['ü'.repeat(128)]: '1' } }, 'bad_payload'],
    ['headers of 15,000 characters', 'r', 'a', 1, { headers: { n: 'x'.repeat(15_000) } }, 'too_large'],
    ['a content type of 256 characters', 'r', 'a', 'x', { contentType: `text/${'x'.repeat(251)}` }, 'bad_payload'],
    ['a content type that is not ASCII', 'r', 'a', 'x', { contentType: 'text/plän' }, 'bad_payload'],
    ['a content type that is no string', 'r', 'a', 'x', { contentType: 5 as unknown as string }, 'bad_payload'],
    ['a megabyte', 'r', 'a', 'x'.repeat(1_000_000), {}, 'too_large'],
  ])('refuses %s before anything is written', async (_, room, event, data, options, code) => {
    const { broker, appended } = brokerOf()
    const publisher = await openPublisher(broker, {})
    const good = { room: 'r', event: 'good' }
    await expect(publisher.publishMany([good, { ...options, room, event, data }])).rejects.toMatchObject({
      code,
      temporary: false,
    })
    await publisher.close()
    expect(appended).toEqual([])
  })

  test('writes to the home of the room, with an id of its own on every event', async () => {
    const { broker, appended } = brokerOf()
    const publisher = await openPublisher(broker, {})
    await publisher.publishMany([
      { room: 'a', event: 'x', headers: { theirs: '1' } },
      { room: 'b', event: 'x' },
    ])
    expect(appended.map(({ key, partition }) => [key, partition])).toEqual([
      ['a', homeOf('a', 4)],
      ['b', homeOf('b', 4)],
    ])
    expect(appended[0]!.headers).toMatchObject({ theirs: '1', 'roomway-event': 'x' })
    expect(new Set(appended.map(({ headers }) => headers['roomway-id'])).size).toBe(2)
    await publisher.close()
  })

  test('repeats what may have been written under the same id', async () => {
    let failures = 0
    const { broker, appended } = brokerOf(async () => {
      if (failures++ < 2) throw new AppendError('unknown', 'the connection was lost')
    })
    const publisher = await openPublisher(broker, {})
    const { id } = await publisher.publish('a', 'x', 1)
    expect(appended.map(({ headers }) => headers['roomway-id'])).toEqual([id, id, id])
    await publisher.close()
  })

  test('says when the broker did not confirm in time, under which id, and whether it may be in the log', async () => {
    const { broker } = brokerOf(async () => {
      throw new AppendError('unknown', 'the connection was lost')
    })
    const publisher = await openPublisher(broker, { timeoutMs: 0 })
    await expect(publisher.publish('a', 'x', 1, { id: 'i1' })).rejects.toMatchObject({
      code: 'unavailable',
      temporary: true,
      id: 'i1',
      outcome: 'unknown',
    })
    await publisher.close()
  })

  test('refuses more than may wait, and takes more when that is durable', async () => {
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const { broker } = brokerOf(() => held)
    const publisher = await openPublisher(broker, { maxQueuedBytes: 3_000 })
    const first = publisher.publish('a', 'x', 'y'.repeat(2_000))
    await expect(publisher.publish('a', 'x', 'y'.repeat(2_000))).rejects.toMatchObject({
      code: 'overloaded',
      outcome: 'not-appended',
    })
    release()
    await first
    await publisher.publish('a', 'x', 'y'.repeat(2_000))
    await publisher.close()
  })

  test('does not write what the caller changes after the call', async () => {
    const { broker, appended } = brokerOf()
    const publisher = await openPublisher(broker, {})
    const data = Uint8Array.of(1, 2)
    const published = publisher.publish('a', 'x', data)
    data.fill(0)
    await published
    expect([...appended[0]!.value]).toEqual([1, 2])
    await publisher.close()
  })

  test.each([
    ['sampled', TraceFlags.SAMPLED, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
    ['not sampled', TraceFlags.NONE, undefined],
  ])('passes on the trace that is active in the caller where that is %s', async (_, traceFlags, expected) => {
    const spanContext = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags }
    context.setGlobalContextManager(managerOf(trace.setSpanContext(ROOT_CONTEXT, spanContext)))
    try {
      const { broker, appended } = brokerOf()
      const publisher = await openPublisher(broker, {})
      await publisher.publish('a', 'x', 1)
      expect(appended[0]!.headers.traceparent).toBe(expected)
      await publisher.close()
    } finally {
      context.disable()
    }
  })
})

/** A context manager for which one context is always active. */
function managerOf(active: Context): ContextManager {
  const manager: ContextManager = {
    active: () => active,
    with: (_context, call, thisArg, ...args) => call.call(thisArg as never, ...args),
    bind: (_context, target) => target,
    enable: () => manager,
    disable: () => manager,
  }
  return manager
}
