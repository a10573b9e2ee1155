import { expect, test } from '@jest/globals'
import { checkpointsIn, command, emission, room, send, valuesIn } from './fixtures.js'
import { MemoryCluster } from './memory-cluster.js'
import { tiersOfTest, until } from './tiers.js'

const { start, hold } = tiersOfTest()

test('an answer with events of its own room, complete when its owner died, is done for the next owner: the checkpoint passes it', async () => {
  const cluster = new MemoryCluster()
  const dying = cluster.client()
  hold(dying, (records) => records.some(({ key }) => key === '$checkpoint'))
  const handle = () => ({ type: 'answer', events: [emission(room, 1), emission(room, 2)] }) as const
  const first = await start(dying, { handle })
  send(cluster, command(1))
  await until('both events', () => valuesIn(cluster).length === 2)
  const closing = first.close()

  await start(cluster.client(), { handle })
  await until('a checkpoint above it', () =>
    checkpointsIn(cluster.topics.commands, 0).some(({ handled }) => handled >= 1),
  )
  expect(valuesIn(cluster)).toEqual([1, 2])
  void closing
})
