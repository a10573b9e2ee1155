import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Logger } from '@roomway/broker'
import { type RoomRule, roomRulesRecord } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { RoomRules } from '../src/log/room-rules.js'
import { FakeBroker, FakeLog, turns } from './fake-broker.js'
import { FakeNode } from './fake-node.js'
import { silentLogger } from './test-nodes.js'

const rule = (pattern: string, parts: Partial<RoomRule> = {}): RoomRule => ({
  pattern,
  kind: 'handled',
  asksJoin: false,
  hasSnapshot: false,
  ...parts,
})

describe('the rules of rooms', () => {
  let log: FakeLog
  let rules: RoomRules
  const faults: string[] = []
  const logger: Logger = { ...silentLogger, error: (_fields, message) => void faults.push(message) }

  beforeEach(() => {
    log = new FakeLog(1)
    rules = new RoomRules({ log, logger })
    faults.length = 0
  })
  afterEach(() => rules.close())

  test('are none where the log holds none', async () => {
    await rules.open()
    expect(rules.of('chat:1')).toBeUndefined()
    expect(rules.unready()).toEqual([])
  })

  test('are those of the latest record, of which the first that the room matches', async () => {
    await log.append([roomRulesRecord([rule('chat:*', { kind: 'direct' })])])
    await log.append([roomRulesRecord([rule('chat:vip'), rule('chat:*', { asksJoin: true }), rule('**')])])
    await rules.open()
    expect(rules.of('chat:vip')).toMatchObject({ pattern: 'chat:vip' })
    expect(rules.of('chat:1')).toMatchObject({ asksJoin: true })
    expect(rules.of('chat:1:2')).toMatchObject({ pattern: '**' })
  })

  test('change while the node runs', async () => {
    await rules.open()
    await log.append([roomRulesRecord([rule('chat:*', { kind: 'direct' })])])
    expect(rules.of('chat:1')?.kind).toBe('direct')
    await log.append([roomRulesRecord([])])
    expect(rules.of('chat:1')).toBeUndefined()
  })

  test('that cannot be used change nothing, and are told of', async () => {
    await rules.open()
    await log.append([roomRulesRecord([rule('chat:*', { asksJoin: true })])])
    await log.append([roomRulesRecord([rule('chat:*x')])])
    await log.append([{ ...roomRulesRecord([]), value: Buffer.from('[{"pattern":"**"}]') }])
    expect(rules.of('chat:1')?.asksJoin).toBe(true)
    expect(faults).toHaveLength(2)
  })

  test('stay in force where the log was made anew, until others are read; the node is unready meanwhile', async () => {
    await log.append([roomRulesRecord([rule('chat:*', { asksJoin: true })])])
    await rules.open()
    const { end } = log
    log.end = () => Promise.reject(new Error('the broker is away'))
    log.reset('e2')
    await turns(3)
    expect(rules.of('chat:1')?.asksJoin).toBe(true)
    expect(rules.unready()).toEqual(['the room rules are being read'])
    log.end = end.bind(log)
    await eventually(() => rules.unready().length === 0, 10_000, 'the rules to be read again')
    expect(rules.of('chat:1')?.asksJoin).toBe(true)
    await log.append([roomRulesRecord([rule('chat:*', { kind: 'direct' })])])
    expect(rules.of('chat:1')?.kind).toBe('direct')
  })
})

describe('a node', () => {
  test('knows the rules before it takes anyone', async () => {
    const broker = new FakeBroker(1)
    await broker.get('meta').append([roomRulesRecord([rule('chat:*', { kind: 'direct' })])])
    const fake = await FakeNode.open({}, broker)
    expect(fake.node.rules.of('chat:1')?.kind).toBe('direct')
    await fake.close()
  })
})
