import { expect, test } from '@jest/globals'
import { command, idsIn, room, roomAt, send } from './fixtures.js'
import { MemoryCluster } from './memory-cluster.js'
import { tiersOfTest, until } from './tiers.js'

const { start, hold } = tiersOfTest()

test('records that are no commands, while they cannot be set aside, are held up to 16 MiB: then reading pauses', async () => {
  const cluster = new MemoryCluster()
  const client = cluster.client()
  const held = hold(client, (_records, log) => log === 'dead')
  const { counters } = await start(client)
  const bad = { partition: 0, key: room, headers: {}, value: new Uint8Array(900_000) }
  for (let count = 1; count <= 19; count++) {
    cluster.topics.commands.land([bad])
    await until(`${count} to be taken`, () => counters.deadByReason.get('commands:bad_command') === count)
  }
  send(cluster, command(1))
  const otherPartition = roomAt(1)
  for (let count = 1; count <= 20; count++) {
    send(cluster, command(count, { id: `s2:${count}`, room: otherPartition }))
    await until('the other partition', () => idsIn(cluster, otherPartition).length === count)
  }
  expect(idsIn(cluster)).toEqual([])
  client.onAppend = async (_log, _records, land) => land()
  for (const { land } of held) land()
  await until('the command behind them', () => idsIn(cluster).length === 1)
})
