import { expect, test } from '@jest/globals'
import type { Log } from '@roomway/broker'
import { EventsFloors } from '../src/commands/events-floors.js'
import { MemoryCluster } from './memory-cluster.js'

async function scene() {
  const { topics, client } = (() => {
    const cluster = new MemoryCluster()
    return { topics: cluster.topics, client: cluster.client() }
  })()
  const log = await client.log('events')
  let asked = 0
  let fault: Error | undefined
  const events: Log = Object.create(log, {
    epoch: { get: () => log.epoch },
    end: {
      value: (partition: number) => {
        asked++
        return fault === undefined ? log.end(partition) : Promise.reject(fault)
      },
    },
  })
  return { topics, floors: new EventsFloors(events), asked: () => asked, fail: (error?: Error) => (fault = error) }
}

test('the floor of a partition is its end less one, asked for once for as long as it is recent', async () => {
  const { topics, floors, asked } = await scene()
  topics.events.skip(1, 7)
  const both = await Promise.all([floors.floorOf(1), floors.floorOf(1)])
  expect(both).toEqual([
    { epoch: 'e1', offset: 6 },
    { epoch: 'e1', offset: 6 },
  ])
  topics.events.skip(1, 100)
  expect(floors.floorOf(1)).toEqual({ epoch: 'e1', offset: 6 })
  expect(asked()).toBe(1)
})

test('a floor holds for its own epoch only', async () => {
  const { topics, floors } = await scene()
  topics.events.skip(0, 7)
  await floors.floorOf(0)
  topics.events.recreate('e2')
  expect(await floors.floorOf(0)).toEqual({ epoch: 'e2', offset: -1 })
})

test('where the end is not told, there is none, and it is asked for again', async () => {
  const { floors, fail } = await scene()
  fail(new Error('away'))
  await expect(floors.floorOf(0)).rejects.toThrow('away')
  fail(undefined)
  expect(await floors.floorOf(0)).toEqual({ epoch: 'e1', offset: -1 })
})
