import { beforeAll, expect, test } from '@jest/globals'
import type { RawLogs, RawRecord } from './checker/raw-log.js'
import type { Rule } from './checker/violation.js'
import { judge, MemoryScene } from './directed/memory-scene.js'
import type { ClientJournal } from './journal.js'

let logs: RawLogs
let client: ClientJournal

beforeAll(async () => {
  const scene = new MemoryScene()
  await scene.app()
  for (let n = 1; n <= 5; n++) scene.publish(n, n === 4 ? 'reject' : 'accept', n < 3)
  await scene.shown(5)
  await scene.answered(3)
  ;({ logs, client } = structuredClone(await scene.evidence()))
})

const rules = (found: ReturnType<typeof judge>): Rule[] => [...new Set(found.violations.map(({ rule }) => rule))]
const isOf = (id: string) => (record: RawRecord) => record.headers['roomway-id'] === id

/** The journal with other events in its room. */
function given(change: (offsets: number[], digests: string[]) => void): ClientJournal {
  const changed = structuredClone(client)
  change(changed.rooms[0]!.offsets, changed.rooms[0]!.digests)
  return changed
}

test('what is as it should be passes', () => {
  expect(judge(logs, client).violations).toEqual([])
})

test('an event that a client was not given, was given twice, or in another order, is found', () => {
  const drop = given((offsets, digests) => {
    offsets.splice(1, 1)
    digests.splice(1, 1)
  })
  const double = given((offsets, digests) => {
    offsets.splice(1, 0, offsets[1]!)
    digests.splice(1, 0, digests[1]!)
  })
  const swap = given((offsets, digests) => {
    offsets.reverse()
    digests.reverse()
  })
  const other = given((_, digests) => {
    digests[2] = 'another'
  })
  for (const journal of [drop, double, swap, other]) expect(rules(judge(logs, journal))).toEqual(['delivery'])
})

test('a client that did not get to the end of its room, or was reset, is found', () => {
  const [entry] = client.rooms
  const behind = { ...client, rooms: [{ ...entry!, position: 1, offsets: [], digests: [] }] }
  expect(rules(judge(logs, behind))).toContain('delivery')
  expect(rules(judge(logs, { ...client, rooms: [{ ...entry!, resets: 1 }] }))).toEqual(['delivery'])
})

test('an acked command without an outcome, or that is not in the log, is found', () => {
  const without = { ...logs, events: logs.events.filter((record) => !isOf('s1:3')(record)) }
  expect(rules(judge(without, client))).toContain('effect')
  const unwritten = { ...without, commands: logs.commands.filter((record) => !isOf('s1:3')(record)) }
  expect(rules(judge(unwritten, client))).toContain('effect')
})

test('a second outcome that counts, and an event of a rejected command, are found', () => {
  const again = logs.events.find(isOf('s1:3'))!
  const late = { ...again, offset: 100, headers: { ...again.headers, 'roomway-seen': '99' } }
  expect(rules(judge({ ...logs, events: [...logs.events, late] }, client))).toContain('effect')
  const accepted = (record: RawRecord) =>
    isOf('s1:4')(record) ? { ...record, headers: { ...record.headers, 'roomway-event': 'message' } } : record
  expect(rules(judge({ ...logs, events: logs.events.map(accepted) }, client))).toContain('effect')
})

test('commands of a session in another order than they were sent in are found', () => {
  const renamed = logs.events.map((record) => {
    const swapped = isOf('s1:1')(record) ? 's1:2' : isOf('s1:2')(record) ? 's1:1' : undefined
    return swapped === undefined ? record : { ...record, headers: { ...record.headers, 'roomway-id': swapped } }
  })
  expect(rules(judge({ ...logs, events: renamed }, client))).toContain('order')
})

test('an answer that came twice, or never, or says something else, is found', () => {
  const [first, ...others] = client.answers
  for (const answers of [[first!, ...client.answers], others, [{ ...first!, run: 'another' }, ...others]])
    expect(rules(judge(logs, { ...client, answers }))).toEqual(['answer'])
})

test('a record that was set aside is found', () => {
  const letter = { partition: 0, offset: 0, key: '$dead', headers: { 'roomway-reason': 'home' }, value: '' }
  expect(rules(judge({ ...logs, dead: [letter] }, client))).toEqual(['run'])
})
