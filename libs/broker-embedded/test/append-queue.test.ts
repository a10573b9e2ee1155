import { describe, expect, test } from '@jest/globals'
import { AppendError } from '@roomway/broker'
import { AppendQueue } from '../src/append-queue.js'
import { type EncodedRecord, encodeRecord } from '../src/record-codec.js'

const record = (partition: number, text: string): EncodedRecord =>
  encodeRecord({ partition, key: 'k', headers: {}, value: Buffer.from(text) }, 0)

/** A disk that answers when the test says so. */
class Disk {
  readonly commits: string[][] = []
  #answers: { resolve: () => void; reject: (error: Error) => void }[] = []
  #started: () => void = () => undefined

  readonly commit = (records: readonly EncodedRecord[]): Promise<void> => {
    this.commits.push(records.map((each) => each.value.toString()))
    const answer = new Promise<void>((resolve, reject) => this.#answers.push({ resolve, reject }))
    this.#started()
    return answer
  }

  /** Resolves when a commit is in flight. */
  async inFlight(): Promise<void> {
    if (this.#answers.length === 0)
      await new Promise<void>((resolve) => {
        this.#started = resolve
      })
  }

  async succeed(): Promise<void> {
    await this.inFlight()
    this.#answers.shift()!.resolve()
  }

  async fail(outcome: 'unknown' | 'not-appended'): Promise<void> {
    await this.inFlight()
    this.#answers.shift()!.reject(new AppendError(outcome, 'the disk is full'))
  }
}

describe('the append queue', () => {
  test('commits together what is called in one turn, and what is called while a commit is in flight', async () => {
    const disk = new Disk()
    const queue = new AppendQueue(disk.commit, 1_000_000)
    const first = [queue.append([record(0, 'a')]), queue.append([record(1, 'b')])]
    await disk.inFlight()
    const second = ['c', 'd', 'e'].map((text) => queue.append([record(0, text)]))
    await disk.succeed()
    await Promise.all(first)
    await disk.succeed()
    await Promise.all(second)
    expect(disk.commits).toEqual([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ])
  })

  test('fails what waits behind a failure on the same partitions, and goes on with the others', async () => {
    const disk = new Disk()
    const queue = new AppendQueue(disk.commit, 1_000_000)
    const failing = queue.append([record(0, 'fails')])
    await disk.inFlight()
    const outcomes = Promise.allSettled([
      failing,
      queue.append([record(0, 'behind')]),
      queue.append([record(1, 'beside')]),
      queue.append([record(0, 'behind too'), record(2, 'with it')]),
      queue.append([record(2, 'behind that')]),
    ])
    await disk.fail('unknown')
    await disk.succeed()
    const reasons = (await outcomes).map((each) =>
      each.status === 'rejected' ? (each.reason as AppendError).outcome : 'done',
    )
    expect(reasons).toEqual(['unknown', 'not-appended', 'done', 'not-appended', 'not-appended'])
    expect(disk.commits).toEqual([['fails'], ['beside']])
  })

  test('takes what is repeated after a failure', async () => {
    const disk = new Disk()
    const queue = new AppendQueue(disk.commit, 1_000_000)
    const failing = queue.append([record(0, 'again')])
    await disk.fail('not-appended')
    await expect(failing).rejects.toMatchObject({ outcome: 'not-appended' })
    const repeated = queue.append([record(0, 'again')])
    await disk.succeed()
    await repeated
  })

  test('refuses what would go over its bound, counts what is in flight, and takes more afterwards', async () => {
    const disk = new Disk()
    const size = record(0, 'x'.repeat(100)).bytes.length
    const queue = new AppendQueue(disk.commit, 2 * size)
    const taken = [queue.append([record(0, 'x'.repeat(100))])]
    await disk.inFlight()
    taken.push(queue.append([record(0, 'y'.repeat(100))]))
    await expect(queue.append([record(0, 'z'.repeat(100))])).rejects.toMatchObject({ outcome: 'not-appended' })
    await disk.succeed()
    await disk.succeed()
    await Promise.all(taken)
    const later = queue.append([record(0, 'z'.repeat(100)), record(0, 'z'.repeat(100))])
    await disk.succeed()
    await later
  })

  test('runs an action between two commits', async () => {
    const disk = new Disk()
    const queue = new AppendQueue(disk.commit, 1_000_000)
    const order: string[] = []
    const before = queue.append([record(0, 'before')]).then(() => order.push('before'))
    await disk.inFlight()
    const action = queue.between(async () => {
      order.push('action')
      void queue.append([record(0, 'after')]).then(() => order.push('after'))
      await new Promise((resolve) => setImmediate(resolve))
      expect(disk.commits).toEqual([['before']])
    })
    await disk.succeed()
    await Promise.all([before, action])
    await disk.succeed()
    await queue.idle()
    expect(order).toEqual(['before', 'action', 'after'])
  })
})
