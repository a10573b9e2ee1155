import { describe, expect, test } from '@jest/globals'
import { anonymous } from '@roomway/auth'
import { jsonCodec } from '@roomway/protocol/json'
import fc from 'fast-check'
import { Connection } from '../src/connection/connection.js'
import { tellExpiry } from '../src/connection/expiry.js'
import { Sessions } from '../src/connection/sessions.js'
import { Counters } from '../src/operations/counters.js'
import { FakeSocket } from './fake-node.js'

const surroundings = { codec: jsonCodec, counters: new Counters() }
const connectionOf = (session: string, expiresAtMs?: number) =>
  new Connection(new FakeSocket('json'), surroundings, { ...anonymous, expiresAtMs }, session)
const socketOf = ({ socket }: Connection) => socket as FakeSocket

/** Few enough that they are taken over, and enough that the table grows and shrinks. */
const session = fc.nat(300)
const expiresAtMs = fc.option(fc.nat(150_000), { nil: undefined })
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('add' as const), session, expiresAtMs }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), session }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('move' as const), session, to: session }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('removeMany' as const), session }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('addMany' as const), session, expiresAtMs }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** The register, and a map that is told the same. */
class Both {
  readonly sessions = new Sessions()
  readonly expected = new Map<string, Connection>()

  readonly take = (step: Step): void => {
    const name = `s${step.session}`
    const present = this.expected.get(name)
    if (step.kind === 'add') this.#add(name, step.expiresAtMs)
    else if (step.kind === 'remove') this.#remove(present ?? connectionOf(name))
    else if (step.kind === 'move') this.#move(present, `s${step.to}`)
    else if (step.kind === 'addMany') for (let n = 0; n < step.session; n++) this.#add(`s${n}`, step.expiresAtMs)
    else for (const connection of [...this.expected.values()].slice(0, step.session)) this.#remove(connection)
  }

  #add(name: string, expiresAtMs: number | undefined): void {
    const connection = connectionOf(name, expiresAtMs)
    this.sessions.add(connection)
    this.expected.set(name, connection)
  }

  #remove(connection: Connection): void {
    this.sessions.remove(connection)
    if (this.expected.get(connection.session) === connection) this.expected.delete(connection.session)
  }

  #move(connection: Connection | undefined, to: string): void {
    if (connection === undefined) return
    const older = this.expected.get(to)
    this.expected.delete(connection.session)
    this.sessions.move(connection, to)
    this.expected.set(to, connection)
    if (older !== undefined && older !== connection) expect(socketOf(older).closedAs).toBe('session_taken')
  }

  compare(): void {
    const { sessions, expected } = this
    expect(sessions.size).toBe(expected.size)
    expect(
      sessions
        .all()
        .map((connection) => connection.session)
        .sort(),
    ).toEqual([...expected.keys()].sort())
    for (let at = 0; at <= 300; at++) expect(sessions.get(`s${at}`) === expected.get(`s${at}`)).toBe(true)
  }
}

describe('the register of sessions', () => {
  test('finds each session’s connection, however many came, left and took over', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600, size: 'max' }), (steps) => {
        const both = new Both()
        for (const each of steps) both.take(each)
        both.compare()
      }),
      { numRuns: 60 },
    )
  })

  test('tells of each token’s end in the second in which it is near, as if every connection were asked', () => {
    const steps = fc.array(step, { maxLength: 600, size: 'max' })
    const renewals = fc.array(fc.record({ atSeconds: fc.nat(150), session, expiresAtMs }), { maxLength: 30 })
    const holds = (
      steps: Step[],
      renewals: { atSeconds: number; session: number; expiresAtMs: number | undefined }[],
    ) => {
      const { sessions, expected, take } = new Both()
      for (const each of steps) take(each)
      const twins = new Map(
        [...expected.values()].map((each) => [each, connectionOf(each.session, each.identity.expiresAtMs)]),
      )
      const late: unknown[] = []
      for (let seconds = 1; seconds <= 151; seconds++) {
        for (const { atSeconds, session, expiresAtMs } of renewals) {
          const renewed = [...expected.values()][session % expected.size]
          if (atSeconds !== seconds || renewed === undefined) continue
          for (const each of [renewed, twins.get(renewed)!]) each.identity = { ...anonymous, expiresAtMs }
          sessions.renewed(renewed)
        }
        sessions.tellExpiries(seconds * 1_000)
        for (const [connection, twin] of twins) {
          tellExpiry(twin, seconds * 1_000)
          if (socketOf(connection).frames.length !== socketOf(twin).frames.length) late.push({ seconds, twin })
        }
      }
      expect(late).toEqual([])
      for (const [connection, twin] of twins) {
        expect(socketOf(connection).frames).toEqual(socketOf(twin).frames)
        expect(socketOf(connection).closedAs).toBe(socketOf(twin).closedAs)
      }
    }
    fc.assert(fc.property(steps, renewals, holds), { numRuns: 30 })
  })

  test('gives those it had when asked, though they leave meanwhile', () => {
    const sessions = new Sessions()
    const connections = Array.from({ length: 200 }, (_, at) => connectionOf(`s${at}`))
    for (const connection of connections) sessions.add(connection)
    const seen = new Set<Connection>()
    for (const connection of sessions.all()) {
      seen.add(connection)
      sessions.remove(connection)
    }
    expect(connections.filter((connection) => !seen.has(connection))).toEqual([])
    expect([seen.size, sessions.size]).toEqual([200, 0])
  })
})
