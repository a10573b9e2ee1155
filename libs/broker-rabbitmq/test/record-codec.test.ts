import { describe, expect, test } from '@jest/globals'
import type { ConsumeMessage, Options } from 'amqplib'
import { isMissing, MissingError } from '../src/faults.js'
import {
  appendOf,
  headerBytesOf,
  isMarker,
  isSameRecord,
  markerOptions,
  maxHeaderBytes,
  publishOptions,
  recordOf,
} from '../src/record-codec.js'

/** A delivery as amqplib hands it over, of what was published with these options. */
function delivered(options: Options.Publish, offset: number, body = 'x', routingKey = 'p.0'): ConsumeMessage {
  const { headers, ...properties } = options
  const fields = { consumerTag: '', deliveryTag: 1, redelivered: false, exchange: '', routingKey }
  return {
    content: Buffer.from(body),
    fields,
    properties: { ...properties, headers: { ...headers, 'x-stream-offset': offset } },
  } as unknown as ConsumeMessage
}

const sent = {
  partition: 3,
  key: 'chat:1',
  headers: { 'content-type': 'text/plain', traceparent: '00-1' },
  value: Buffer.from('x'),
}

describe('a record', () => {
  test('comes back as it was published, without the headers that carry its key, time and offset', () => {
    const message = delivered(publishOptions(sent, 1_767_225_600_123), 9)
    expect(recordOf(message, 3, { keyedByRoute: false })).toEqual({ ...sent, offset: 9, timeMs: 1_767_225_600_123 })
    expect(message.properties.timestamp).toBe(1_767_225_600)
  })

  test('has its content type in the property of that name where it fits there, else in a header', () => {
    const [fitting, long, longInBytes] = ['x'.repeat(255), 'x'.repeat(256), 'é'.repeat(128)]
    const optionsOf = (contentType: string) => publishOptions({ ...sent, headers: { 'content-type': contentType } }, 0)
    expect([fitting, long, longInBytes].map((type) => optionsOf(type).contentType)).toEqual([
      fitting,
      undefined,
      undefined,
    ])
    for (const type of [fitting, long, longInBytes]) {
      const { headers } = recordOf(delivered(optionsOf(type), 0), 3, { keyedByRoute: false })
      expect(headers).toEqual({ 'content-type': type })
    }
  })

  test('has no time where its publisher wrote one that no clock shows, and can be put into another stream all the same', () => {
    for (const time of [Number.NaN, 1e300, 2 ** 63, -5, 1.5]) {
      const message = delivered({ headers: { timestamp_in_ms: time }, timestamp: 2 ** 60 }, 0)
      expect([time, recordOf(message, 0, { keyedByRoute: false }).timeMs]).toEqual([time, 0])
      expect(publishOptions(appendOf(message), 1_000).timestamp).toBe(1)
    }
    const message = delivered({ headers: { timestamp_in_ms: Number.NaN }, timestamp: 7 }, 0)
    expect(recordOf(message, 0, { keyedByRoute: false }).timeMs).toBe(7_000)
  })

  test('whose headers tell a time that no clock shows is published with the time of its publishing', () => {
    for (const time of ['-5', '1e300', '1.5', 'Infinity', 'yesterday']) {
      const { headers, timestamp } = publishOptions({ ...sent, headers: { timestamp_in_ms: time } }, 1_000)
      expect([time, headers.timestamp_in_ms, timestamp]).toEqual([time, 1_000, 1])
    }
  })

  test('without a key of ours has its routing key for one only behind the open door', () => {
    const message = delivered({}, 0, 'x', 'chat:2')
    expect([
      recordOf(message, 0, { keyedByRoute: true }).key,
      recordOf(message, 0, { keyedByRoute: false }).key,
    ]).toEqual(['chat:2', undefined])
  })

  test('leaves out headers that have no text form, or a name that could not be written again', () => {
    const headers = {
      decimal: { '!': 'decimal', value: { places: 1, digits: 15 } },
      none: null,
      raw: Buffer.from([0xff]),
      at: { '!': 'timestamp', value: 5 },
      // A name that was no UTF-8, as it is read.
      ['\ufffd'.repeat(100)]: 'x',
    }
    expect(recordOf(delivered({ headers }, 0), 0, { keyedByRoute: false }).headers).toEqual({ at: '5' })
  })

  test('of somebody else’s whose headers fit into none keeps what fits of its key and content type, and its id only where it is whole', () => {
    const long = 'x'.repeat(25_000)
    const kept = (properties: Options.Publish) => appendOf(delivered({ headers: {}, ...properties }, 0, 'x', 'k'))
    const one = kept({ headers: { 'roomway-key': long, 'content-type': long, 'message-id': long, 'x-more': 'x' } })
    expect(one.key.length).toBeGreaterThan(255)
    expect(one.headers).toEqual({ 'content-type': expect.stringMatching(/^x{256,}$/) })
    expect(headerBytesOf(one)).toBeLessThan(maxHeaderBytes)
    const other = kept({ messageId: 'm1', contentType: 'text/plain', headers: { big: long } })
    expect([other.key, other.headers]).toEqual(['k', { 'message-id': 'm1', 'content-type': 'text/plain' }])
  })

  test('is told from another at the same offset by its body, its key or its time', () => {
    const original = delivered(publishOptions(sent, 1_000), 4)
    expect(isSameRecord(original, delivered(publishOptions(sent, 1_000), 4))).toBe(true)
    expect(isSameRecord(original, delivered(publishOptions(sent, 1_001), 4))).toBe(false)
    expect(isSameRecord(original, delivered(publishOptions(sent, 1_000), 4, 'y'))).toBe(false)
    expect(isSameRecord(original, delivered(publishOptions({ ...sent, key: 'chat:2' }, 1_000), 4))).toBe(false)
  })

  test('is no marker, and a marker is one', () => {
    expect([isMarker(delivered(publishOptions(sent, 0), 1)), isMarker(delivered(markerOptions('id', 0), 1))]).toEqual([
      false,
      true,
    ])
  })
})

describe('a 404 of RabbitMQ', () => {
  const answer = (text: string) =>
    Object.assign(new Error(`Operation failed: QueueDeclare; 404 (NOT-FOUND) with message "NOT_FOUND - ${text}"`), {
      code: 404,
    })

  test('means a missing stream only where it says so, not where the node of the stream is down', () => {
    expect(isMissing(answer(`no queue 'a' in vhost '/'`))).toBe(true)
    expect(isMissing(answer(`no exchange 'a' in vhost '/'`))).toBe(true)
    expect(isMissing(answer(`home node 'r@h' of durable queue 'a' in vhost '/' is down or inaccessible`))).toBe(false)
    expect(isMissing(new MissingError('gone'))).toBe(true)
    expect(isMissing(new Error(`no queue 'a'`))).toBe(false)
  })
})
