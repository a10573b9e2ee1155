import { describe, expect, test } from '@jest/globals'
import type { BrokerRecord } from '@roomway/broker'
import { type EventReader, lookbackOffsets, type Outcome } from '@roomway/records'
import * as fc from 'fast-check'
import { outcomeOf, readerOf, record, roomsOf } from './event-records.js'

const [room] = roomsOf(0, 1) as [string]
const commands = ['s:1', 's:2']

/** One partition of the events log. Appends land in the order they are let go, which is not the order they were decided in. */
class Partition {
  readonly records: BrokerRecord[] = []
  nextOffset = 0

  land(headers: Record<string, string>): void {
    this.records.push(record(this.nextOffset++, room, headers))
  }
}

/** A writer that follows the rule: it appends an outcome only of a command it has found none of, saying up to where it had looked. */
class Writer {
  readonly #partition: Partition
  readonly #found = new Set<string>()
  readonly #inFlight: Record<string, string>[] = []
  readonly #reader: EventReader
  #read = 0
  #scanned = 0

  constructor(partition: Partition) {
    this.#partition = partition
    this.#reader = readerOf({ onOutcome: ({ commandKey, counts }) => void (counts && this.#found.add(commandKey)) })
  }

  look(most: number): void {
    const { records, nextOffset } = this.#partition
    const until = Math.min(records.length, this.#read + most)
    for (; this.#read < until; this.#read++) {
      const next = records[this.#read]!
      this.#reader.read(next)
      this.#scanned = next.offset + 1
    }
    if (this.#read === records.length) this.#scanned = nextOffset
  }

  decide(command: string): void {
    if (!this.#found.has(command)) this.#inFlight.push(outcomeOf(command, this.#scanned - 1))
  }

  /** What is in flight may land late, twice or never: a resolved, an unknown and a failed append. */
  land(how: 'once' | 'twice' | 'never'): void {
    const headers = this.#inFlight.shift()
    if (headers === undefined) return
    if (how !== 'never') this.#partition.land(headers)
    if (how === 'twice') this.#inFlight.push(headers)
  }

  hasFound(command: string): boolean {
    return this.#found.has(command)
  }
}

const writer = fc.integer({ min: 0, max: 2 })
const action = fc.oneof(
  fc.record({ do: fc.constant('look' as const), writer, most: fc.integer({ min: 0, max: 5 }) }),
  fc.record({ do: fc.constant('decide' as const), writer, command: fc.constantFrom(...commands) }),
  fc.record({
    do: fc.constant('land' as const),
    writer,
    how: fc.constantFrom('once' as const, 'twice' as const, 'never' as const),
  }),
  fc.record({ do: fc.constant('others write' as const), offsets: fc.constantFrom(1, 100, 8_191, 8_192, 8_193) }),
)
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

function play(actions: readonly Action[]): { partition: Partition; writers: Writer[] } {
  const partition = new Partition()
  const writers = [0, 1, 2].map(() => new Writer(partition))
  for (const one of actions) {
    if (one.do === 'others write') partition.nextOffset += one.offsets
    else if (one.do === 'look') writers[one.writer]!.look(one.most)
    else if (one.do === 'decide') writers[one.writer]!.decide(one.command)
    else writers[one.writer]!.land(one.how)
  }
  return { partition, writers }
}

function outcomesIn(partition: Partition): Outcome[] {
  const outcomes: Outcome[] = []
  const reader = readerOf({ onOutcome: (outcome) => outcomes.push(outcome) })
  for (const one of partition.records) reader.read(one)
  return outcomes
}

const countingOf = (outcomes: readonly Outcome[], command: string) =>
  outcomes.filter((outcome) => outcome.commandKey === command && outcome.counts).length

const interleavings = fc.array(action, { minLength: 30, maxLength: 80 })

describe('of the outcomes of one command', () => {
  test('one counts or none yet, whichever writers pause, overlap, repeat or land late', () => {
    let contested = 0
    fc.assert(
      fc.property(interleavings, (actions) => {
        const outcomes = outcomesIn(play(actions).partition)
        for (const command of commands) {
          expect(countingOf(outcomes, command)).toBeLessThanOrEqual(1)
          if (outcomes.filter((outcome) => outcome.commandKey === command).length > 1) contested++
        }
      }),
      { numRuns: 3_000 },
    )
    expect(contested).toBeGreaterThan(500)
  })

  test('one comes to count as soon as some writer reads to the end and appends once more', () => {
    fc.assert(
      fc.property(interleavings, writer, (actions, last) => {
        const { partition, writers } = play(actions)
        const finisher = writers[last]!
        finisher.look(Number.POSITIVE_INFINITY)
        for (let i = 0; i < actions.length; i++) finisher.land('never')
        for (const command of commands) {
          finisher.decide(command)
          finisher.land('once')
        }
        finisher.look(Number.POSITIVE_INFINITY)
        for (const command of commands) {
          expect(countingOf(outcomesIn(partition), command)).toBe(1)
          expect(finisher.hasFound(command)).toBe(true)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  test('one whose writer had looked 8,192 offsets below it may count, 8,193 not', () => {
    for (const [distance, counts] of [
      [lookbackOffsets, true],
      [lookbackOffsets + 1, false],
    ] as const) {
      const outcomes: Outcome[] = []
      const reader = readerOf({ onOutcome: (outcome) => outcomes.push(outcome) })
      reader.read(record(20_000, room, outcomeOf('s:1', 20_000 - distance)))
      expect(outcomes).toEqual([{ commandKey: 's:1', partition: 0, offset: 20_000, counts }])
    }
  })

  test('one that says it was read before it was written does not count', () => {
    const outcomes: Outcome[] = []
    const reader = readerOf({ onOutcome: (outcome) => outcomes.push(outcome) })
    expect(reader.read(record(5, room, outcomeOf('s:1', 5)))).toBeUndefined()
    expect(outcomes).toMatchObject([{ counts: false }])
  })
})
