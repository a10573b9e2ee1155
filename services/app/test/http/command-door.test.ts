import { describe, expect, test } from '@jest/globals'
import { AppendError } from '@roomway/broker'
import { RoomDirectory } from '@roomway/records'
import { deadline } from '@roomway/testing'
import { CommandDoor } from '../../src/http/publish/command-door.js'
import { command, silent } from '../fixtures.js'
import { MemoryCluster, type OnAppend } from '../memory-cluster.js'

async function openDoor(onAppend: OnAppend, maxQueuedBytes = 1_000_000, answerMs = 200) {
  const cluster = new MemoryCluster()
  const broker = cluster.client()
  broker.onAppend = onAppend
  const directory = new RoomDirectory(2)
  const commands = await broker.log('commands')
  const door = new CommandDoor({ commands, directory: () => directory, logger: silent, maxQueuedBytes, answerMs })
  return { door, cluster }
}

const failing =
  (outcome: 'not-appended' | 'unknown'): OnAppend =>
  async () => {
    throw new AppendError(outcome, 'the test says so')
  }

describe('the door of commands over HTTP', () => {
  test.each([
    ['not-appended', /nothing was published/],
    ['unknown', /may have been published/],
  ] as const)('gives up in time and says what is known where the append is %s', async (outcome, message) => {
    // Long enough for the last pause between two attempts, 2 s, to end before the answer is due.
    const { door } = await openDoor(failing(outcome), undefined, 8_000)
    const sent = door.send(command(1))
    await expect(deadline(sent, 30_000, 'an answer')).rejects.toMatchObject({ code: 'unavailable', status: 503 })
    await expect(sent).rejects.toThrow(message)
    await door.close()
  })

  test('gives up in time where the broker says nothing at all, and then says that nobody knows', async () => {
    const { door } = await openDoor(() => new Promise(() => undefined))
    const sent = door.send(command(1))
    await expect(deadline(sent, 30_000, 'an answer')).rejects.toMatchObject({ code: 'unavailable' })
    await expect(sent).rejects.toThrow(/may have been published/)
  })

  test('takes no more than it may hold, until what it holds is durable', async () => {
    let letGo: () => void = () => undefined
    const waiting = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const { door, cluster } = await openDoor(async (_log, _records, land) => {
      await waiting
      land()
    }, 1_200)
    const sent = [1, 2].map((seq) => door.send(command(seq)))
    await expect(door.send(command(3))).rejects.toMatchObject({ code: 'overloaded', status: 503 })
    letGo()
    await Promise.all(sent)
    await door.send(command(4))
    expect(cluster.topics.commands.partitions[0]!.records.map(({ headers }) => headers['roomway-id'])).toEqual([
      's1:1',
      's1:2',
      's1:4',
    ])
    await door.close()
  })

  test('takes nothing more of a batch for a room for which there was no place, however small, and goes on with others', async () => {
    const { door, cluster } = await openDoor(async (_log, _records, land) => land(), 3_000)
    const overloaded = new Set<string>()
    const large = { ...command(2), payload: new Uint8Array(2_500) }
    const batch = [command(1), large, command(3), { ...command(4), room: 'other' }]
    const sent = await Promise.allSettled(batch.map((each) => door.send(each, overloaded)))
    expect(sent.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(sent[2]).toMatchObject({ reason: { code: 'overloaded' } })
    await door.send(command(5))
    const ids = cluster.topics.commands.partitions.flatMap(({ records }) =>
      records.map(({ headers }) => headers['roomway-id']),
    )
    expect(ids.sort()).toEqual(['s1:1', 's1:4', 's1:5'])
    await door.close()
  })
})
