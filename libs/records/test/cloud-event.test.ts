import { describe, expect, test } from '@jest/globals'
import { cloudEventOf, headerNames, type SetAsideReason } from '@roomway/records'
import fc from 'fast-check'
import { readerOf, record, roomsOf, withId } from './event-records.js'

const [room] = roomsOf(0, 1) as [string]
const cloud = (prefix: string, { type = 'com.example.created', source = '/orders', id = 'A-1' } = {}) => ({
  [`${prefix}specversion`]: '1.0',
  [`${prefix}type`]: type,
  [`${prefix}source`]: source,
  [`${prefix}id`]: id,
})

describe('a CloudEvent in binary mode', () => {
  test.each(['ce_', 'cloudEvents:', 'cloudEvents_'])(
    'whose headers begin with %s has its type as name, and source and id as id',
    (prefix) => {
      const headers = { ...cloud(prefix), [headerNames.contentType]: 'text/plain' }
      expect(readerOf().read(record(1, room, headers))).toMatchObject({
        event: 'com.example.created',
        id: '/orders A-1',
        contentType: 'text/plain',
      })
    },
  )

  test('that comes twice is shown once; of another source it is another event', () => {
    const reader = readerOf()
    const read = (offset: number, source: string) => reader.read(record(offset, room, cloud('ce_', { source })))
    expect(read(1, '/orders')).toBeDefined()
    expect(read(2, '/orders')).toBeUndefined()
    expect(read(3, '/stock')).toBeDefined()
  })

  test('gives different pairs of source and id different ids', () => {
    const source = fc.stringMatching(/^[a-z/ #:%]{1,4}$/).filter((text) => !text.includes('%'))
    const id = fc.stringMatching(/^[a-z #:%]{1,4}$/)
    fc.assert(
      fc.property(source, id, source, id, (source1, id1, source2, id2) => {
        const idOf = (source: string, id: string) => cloudEventOf(cloud('ce_', { source, id }))?.id
        expect(idOf(source1, id1) === idOf(source2, id2)).toBe(source1 === source2 && id1 === id2)
      }),
      { numRuns: 2_000 },
    )
  })

  test('without a source or an id has the id of its place, as a record without any', () => {
    for (const missing of ['ce_source', 'ce_id']) {
      const { [missing]: _, ...headers } = cloud('ce_') as Record<string, string>
      expect(readerOf().read(record(7, room, headers))).toMatchObject({ event: 'com.example.created', id: 'e1:0:7' })
    }
  })

  test('is told by Roomway’s own headers what they say', () => {
    const headers = { ...cloud('ce_'), [headerNames.event]: 'created', ...withId('mine') }
    expect(readerOf().read(record(1, room, headers))).toMatchObject({ event: 'created', id: 'mine' })
  })

  test.each(['x'.repeat(256), 'a\u0000b', '$rejected', ''])(
    'of the type %j, which is no event name, is set aside with the reason',
    (type) => {
      const reasons: SetAsideReason[] = []
      const reader = readerOf({ onSetAside: (_, reason) => reasons.push(reason) })
      expect(reader.read(record(1, room, cloud('ce_', { type })))).toBeUndefined()
      expect(reasons).toEqual(['bad_event_name'])
    },
  )

  test('is not looked for in what Roomway itself wrote', () => {
    const headers = { ...cloud('ce_'), [headerNames.time]: '1' }
    expect(readerOf().read(record(1, room, headers))).toMatchObject({ event: 'message', id: 'e1:0:1' })
  })
})
