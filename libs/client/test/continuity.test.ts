import { afterEach, describe, expect, test } from '@jest/globals'
import type { ClientFrame, Position } from '@roomway/protocol'
import fc from 'fast-check'
import type { Client, Room } from '../src/index.js'
import { settled } from './fake-clock.js'
import type { FakeConnection } from './fake-server.js'
import { event, FakeServer } from './fake-server.js'

/** What may happen, in any order. Between two steps the server need not have looked at what the client sent. */
const steps = fc.oneof(
  { weight: 6, arbitrary: fc.record({ step: fc.constant('publish' as const), hole: fc.nat(3), prev: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('lose' as const), hole: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('repeat' as const), back: fc.nat(5) }) },
  { weight: 6, arbitrary: fc.record({ step: fc.constant('answer' as const) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('progress' as const) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('lag' as const), count: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('reconnect' as const) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('recreate' as const) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('stall' as const) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('go on' as const) }) },
)
type Step = typeof steps extends fc.Arbitrary<infer Value> ? Value : never

const begin: Position = { epoch: 'e1', offset: 9 }

/** A server with one room, whose log has holes; it keeps the promises of the protocol, and loses or repeats live frames when told to. */
class ModelRoom {
  readonly room = 'r'
  readonly fake: FakeServer
  readonly log = new Log()
  /** Where the client was told to go on from, each time that this may have left something out. */
  readonly resets: Position[] = []
  /** What the client had let in when it was told so: it may wait there, but may not vanish. */
  readonly letIn: Position[] = []
  #end = 10
  #sent = 10
  #isLive = false
  connection: FakeConnection | undefined
  loop: SlowLoop | undefined

  constructor(fake: FakeServer) {
    this.fake = fake
  }

  async run(step: Step): Promise<void> {
    switch (step.step) {
      case 'publish':
        this.#publish(step.hole, step.prev)
        break
      case 'lose':
        this.#append(step.hole)
        break
      case 'repeat': {
        const offset = this.log.offsets.at(-1 - step.back)
        if (this.#isLive && offset !== undefined && offset <= this.#sent) this.#say(offset, 0)
        break
      }
      case 'answer':
        this.answer()
        break
      case 'progress':
        if (this.#isLive && this.#isCaughtUp)
          this.connection?.say({ type: 'progress', room: this.room, offset: this.#end - 1 })
        break
      case 'lag':
        this.#lag(step.count)
        break
      case 'reconnect':
        await this.reconnect()
        break
      case 'recreate':
        this.#recreate()
        break
      case 'stall':
        this.loop?.stall()
        break
      case 'go on':
        this.loop?.goOn()
    }
    await settled()
  }

  /** The server reads what the client has sent. */
  answer(): void {
    for (const frame of this.connection?.received.splice(0) ?? []) this.#answerFrame(frame)
  }

  async reconnect(): Promise<void> {
    this.#isLive = false
    this.connection = await this.fake.reconnect(1006, { epoch: this.log.epoch })
  }

  finish(): void {
    this.loop?.goOn()
    this.answer()
    this.#publish(0, 0)
    this.answer()
  }

  get #isCaughtUp(): boolean {
    return this.#sent >= (this.log.offsets.at(-1) ?? -1)
  }

  #append(hole: number): number {
    const offset = this.#end + hole
    this.#end = offset + 1
    this.log.offsets.push(offset)
    return offset
  }

  #publish(hole: number, prev: number): void {
    const wasCaughtUp = this.#isCaughtUp
    const offset = this.#append(hole)
    if (!this.#isLive) return
    this.#say(offset, prev)
    if (wasCaughtUp) this.#sent = offset
  }

  /** `prev` may be any offset with no event between it and this one. */
  #say(offset: number, slack: number): void {
    const before = this.log.offsets.findLast((other) => other < offset) ?? 9
    const data = `${this.log.epoch}:${offset}`
    this.connection?.say(event(this.room, offset, Math.min(before + slack, offset - 1), data))
  }

  #lag(count: number): void {
    if (!this.#isLive) return
    const from = this.#sent
    for (let event = 0; event < count; event++) this.#append(1)
    this.connection?.say({ type: 'lagged', room: this.room, from, to: this.#end - 1 })
    this.#replay(from)
  }

  #replay(after: number): void {
    for (const offset of this.log.offsets) if (offset > after) this.#say(offset, 0)
    this.#sent = this.#end - 1
  }

  #recreate(): void {
    this.log.recreate()
    this.#end = 10
    this.#sent = 9
    if (!this.#isLive) return
    const position = this.#tellReset(9)
    this.connection?.say({ type: 'reset', room: this.room, ...position, reason: 'epoch' })
  }

  #tellReset(offset: number): Position {
    const position = { epoch: this.log.epoch, offset }
    this.resets.push(position)
    this.letIn.push(this.loop?.room.position ?? begin)
    return position
  }

  #answerFrame(frame: ClientFrame): void {
    if (frame.type === 'join') this.#answerJoin(frame.id, frame.from as Position | undefined)
    if (frame.type === 'resume') {
      for (const [room, from] of Object.entries(frame.rooms)) if (room === this.room) this.#answerJoin(frame.id, from)
      this.connection?.say({ type: 'resumed', id: frame.id, session: 's1', resumeToken: 't', recovered: true })
    }
    if (frame.type === 'leave') {
      this.#isLive = false
      this.connection?.say({ type: 'ack', id: frame.id })
    }
  }

  #answerJoin(id: number, from: Position | undefined): void {
    const isRecovered = from?.epoch === this.log.epoch
    if (isRecovered) this.#replay(from.offset)
    else this.#sent = this.#end - 1
    this.#isLive = true
    const offset = this.#end - 1
    const joined = { type: 'joined', id, room: this.room, epoch: this.log.epoch, offset, replayed: 0 } as const
    if (from === undefined) return this.connection?.say(joined)
    if (isRecovered) return this.connection?.say({ ...joined, recovered: true })
    this.connection?.say({ ...joined, ...this.#tellReset(offset), recovered: false, reason: 'epoch' })
  }
}

/** Every offset of the room, by incarnation. */
class Log {
  readonly #incarnations: number[][] = [[]]

  get epoch(): string {
    return `e${this.#incarnations.length}`
  }

  get offsets(): number[] {
    return this.#incarnations.at(-1)!
  }

  get last(): string {
    return `${this.epoch}:${this.offsets.at(-1)}`
  }

  recreate(): void {
    this.#incarnations.push([])
  }

  nextAfter({ epoch, offset }: Position): number | undefined {
    return this.#of(epoch).find((other) => other > offset)
  }

  lastUpTo({ epoch, offset }: Position): number {
    return this.#of(epoch).findLast((other) => other <= offset) ?? -1
  }

  #of(epoch: string): number[] {
    return this.#incarnations[Number(epoch.slice(1)) - 1]!
  }
}

type Heard = Position & { readonly what: 'event' | 'reset'; readonly data?: unknown }

/** Whether the application heard each event once and in order, but for what lies between two sides of a reset; and all that had been let in. */
function judge(heard: readonly Heard[], { log, resets, letIn }: ModelRoom): void {
  let position = begin
  const reached = new Map<string, number>()
  for (const { what, epoch, offset, data } of heard) {
    if (what === 'reset') expect(resets).toContainEqual({ epoch, offset })
    else expect([epoch, offset, data]).toEqual([position.epoch, log.nextAfter(position), `${epoch}:${offset}`])
    position = { epoch, offset }
    reached.set(epoch, Math.max(offset, reached.get(epoch) ?? -1))
  }
  expect(position).toEqual({ epoch: log.epoch, offset: log.offsets.at(-1) })
  for (const there of letIn) expect(reached.get(there.epoch) ?? -1).toBeGreaterThanOrEqual(log.lastUpTo(there))
}

describe('whatever is lost, repeated, caught up, cut off or re-created', () => {
  let client: Client | undefined
  afterEach(() => client?.close())

  test.each([1000, 3])(
    'a room delivers each event once and in order, with %i places to wait in',
    async (maxBufferedEvents) => {
      await fc.assert(
        fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 60, size: '+1' }), async (script) => {
          const server = new FakeServer()
          client = server.client({ maxBufferedEvents })
          const model = new ModelRoom(server)
          model.connection = await server.welcome()
          const joining = client.join('r')
          model.answer()
          const room = await joining
          const loop = new SlowLoop(room)
          model.loop = loop
          const { heard } = loop
          for (const step of script) await model.run(step)
          model.finish()
          for (let turn = 0; turn < 200 && heard.at(-1)?.data !== model.log.last; turn++) {
            await settled()
            model.answer()
          }
          judge(heard, model)
          await client.close()
          await loop.ended
        }),
        { numRuns: 300 },
      )
    },
  )
})

/** The application: a loop over the room that can be held up. */
class SlowLoop {
  readonly room: Room
  readonly heard: Heard[] = []
  readonly ended: Promise<void>
  #mayGoOn: Promise<void> | undefined
  #goOn: () => void = () => undefined

  constructor(room: Room) {
    this.room = room
    room.on('reset', ({ epoch, offset }) => this.heard.push({ what: 'reset', epoch, offset }))
    this.ended = this.#run()
  }

  stall(): void {
    this.#mayGoOn ??= new Promise((resolve) => {
      this.#goOn = resolve
    })
  }

  goOn(): void {
    this.#mayGoOn = undefined
    this.#goOn()
  }

  async #run(): Promise<void> {
    for await (const { epoch, offset, data } of this.room) {
      this.heard.push({ what: 'event', epoch, offset, data })
      await this.#mayGoOn
    }
  }
}
