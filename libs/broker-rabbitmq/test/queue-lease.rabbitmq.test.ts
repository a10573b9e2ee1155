import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { LeaseObserver } from '@roomway/broker'
import { Recorder, testRabbitmq } from '@roomway/testing'
import { Link } from '../src/link.js'
import { QueueLease } from '../src/queue-lease.js'
import { QueueSender } from '../src/queue-sender.js'
import { Deployment, deleteQueues, foreign, silent } from './support.js'

let url: string
let deployment: Deployment

beforeAll(async () => {
  url = (await testRabbitmq()).url
}, 120_000)

beforeEach(() => {
  deployment = new Deployment(url)
})

afterEach(() => deployment.close({ duty: 8 }))

/** What one claimer owns, and how often it was told so. */
class Owned implements LeaseObserver {
  readonly changes = new Recorder<string>()
  readonly partitions = new Set<number>()

  onOwned(partition: number): void {
    this.partitions.add(partition)
    this.changes.push(`owned ${partition}`)
  }

  onLost(partition: number): void {
    this.partitions.delete(partition)
    this.changes.push(`lost ${partition}`)
  }

  has(count: number): Promise<unknown> {
    return this.changes.until(() => this.partitions.size === count, 30_000, `${count} partitions`)
  }
}

describe('a lease', () => {
  test('spreads its partitions evenly as claimers come, and gives them all back as they go', async () => {
    const [one, two, three] = [new Owned(), new Owned(), new Owned()]
    const first = await (await deployment.open()).claim('duty', 8, one)
    await one.has(8)
    const second = await (await deployment.open()).claim('duty', 8, two)
    await Promise.all([one.has(4), two.has(4)])
    expect(new Set([...one.partitions, ...two.partitions]).size).toBe(8)
    await (await deployment.open()).claim('duty', 8, three)
    await three.changes.until(() => three.partitions.size >= 2, 30_000, 'at least two partitions')
    await second.close()
    await first.close()
    await three.has(8)
    expect([one.partitions.size, two.partitions.size]).toEqual([0, 0])
  })

  test('changes its token for a fresh one without losing the partition, and leaves no more than one spare', async () => {
    const links = ['reading', 'publishing'].map((name) => new Link(name, url, {}, silent))
    const owned = new Owned()
    const sent = new Recorder<string>()
    const sender = new QueueSender(links[1]!)
    const send = sender.send.bind(sender)
    sender.send = async (queue, body, options) => {
      await send(queue, body, options)
      sent.push(queue)
    }
    const { names } = deployment
    const target = {
      link: links[0]!,
      sender,
      names,
      logger: silent,
      name: 'duty',
      partitions: 1,
      observer: owned,
      renewMs: 20,
    }
    const lease = new QueueLease({ ...target, onClosed: () => undefined })
    await sent.first(20, 30_000)
    expect(owned.changes.items).toEqual(['owned 0'])
    const queue = await foreign(url, async (model) =>
      (await model.createChannel()).checkQueue(names.leaseQueue('duty', 0)),
    )
    expect(queue.messageCount).toBeLessThanOrEqual(2)
    await lease.close()
    expect(owned.changes.items).toEqual(['owned 0', 'lost 0'])
    await Promise.all(links.map((link) => link.close()))
  })

  test('is claimed again where somebody deleted its queues', async () => {
    const owned = new Owned()
    await (await deployment.open()).claim('duty', 2, owned)
    await owned.has(2)
    await deleteQueues(url, [deployment.names.leaseQueue('duty', 1), deployment.names.membersQueue('duty')])
    await owned.changes.until((items) => items.includes('lost 1'), 15_000, 'the loss to be told')
    await owned.has(2)
  })

  test('does not let a stray second token make a second owner', async () => {
    const [one, two] = [new Owned(), new Owned()]
    const first = await (await deployment.open()).claim('duty', 1, one)
    await one.has(1)
    await (await deployment.open()).claim('duty', 1, two)
    await foreign(url, async (model) => {
      const channel = await model.createConfirmChannel()
      for (let stray = 0; stray < 3; stray += 1)
        channel.sendToQueue(deployment.names.leaseQueue('duty', 0), Buffer.from('stray'))
      await channel.waitForConfirms()
    })
    expect([one.changes.items, two.changes.items]).toEqual([['owned 0'], []])
    await first.close()
    await two.has(1)
    expect(two.changes.items).toEqual(['owned 0'])
  })
})
