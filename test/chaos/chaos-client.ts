import { type Client, connect, type Room, type RoomEvent, RoomwayError } from '@roomway/client'
import { msgpack } from '@roomway/client/msgpack'
import { jsonCodec } from '@roomway/protocol/json'
import type { ClientsPlan, Due } from './clients.js'
import { type AnswerEntry, type ClientJournal, digestOf, type PublishEntry, type RoomEntry } from './journal.js'
import type { Network } from './network.js'
import type { Wire } from './wire.js'
import { type Answer, planned, roomsOf } from './workload.js'

const outOfService = 'closed'

/** One client of a run: publishes what the workload says, and notes all that it is told. */
export class ChaosClient {
  readonly client: number
  published = 0
  settled = 0
  readonly #plan: ClientsPlan
  readonly #client: Client
  readonly #publishes: PublishEntry[] = []
  readonly #answers: AnswerEntry[] = []
  readonly #rooms = new Map<Room, RoomEntry>()
  readonly #answered = new Map<string, number>()
  #session = ''
  #closed: string | undefined
  #wake: () => void = () => undefined

  constructor(client: number, plan: ClientsPlan, wire: Wire, network: Network) {
    this.client = client
    this.#plan = plan
    let attempt = client
    const address = async () => {
      await network.whenOnline(client)
      return plan.urls[attempt++ % plan.urls.length]!
    }
    const codec = wire.tap(client % 4 === 3 ? msgpack : jsonCodec)
    this.#client = connect(address, { webSocket: network.socketOf(client) as never, codec })
    this.#client.on('state', (state) => {
      if (state.status === 'open') this.#session = state.session
      if (state.status === outOfService) this.#closed = `${state.code} ${state.reason}`
    })
    this.#client.on('reply', ({ id, data }) =>
      this.#note({ kind: 'reply', id, run: (data as Answer | null)?.run ?? '' }),
    )
    this.#client.on('error', (error) => this.#onError(error))
  }

  async join(): Promise<void> {
    for (const name of roomsOf(this.client, this.#plan.workload.rooms)) {
      const room = await this.#client.join(name)
      const entry: RoomEntry = { room: name, position: -1, epoch: '', offsets: [], digests: [], resets: 0 }
      this.#rooms.set(room, entry)
      room.on('reset', () => entry.resets++)
      room.on('event', (event) => take(entry, event))
    }
  }

  /** Publishes at a steady pace, and as fast as it may where it is behind. */
  async publishAll(): Promise<void> {
    const startMs = Date.now()
    const { commands, durationMs, maxInFlight } = this.#plan
    for (let n = 0; n < commands; n++) {
      const dueMs = startMs + ((n + Math.random()) * durationMs) / commands
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - Date.now())))
      while (n - this.settled >= maxInFlight) await new Promise<void>((resolve) => (this.#wake = resolve))
      void this.#publish(n)
    }
  }

  hasAll({ rooms, answers }: Due): boolean {
    for (const [room, entry] of this.#rooms) if ((room.position?.offset ?? -1) < (rooms[entry.room] ?? -1)) return false
    return (this.#answered.get(this.#session) ?? 0) >= (answers[this.#session] ?? 0)
  }

  /** For messages. */
  describe(): string {
    const open = this.#publishes.filter(({ status }) => status === 'pending').map(({ n }) => n)
    return `client ${this.client} ${JSON.stringify(this.#client.state)} ${open.length} open`
  }

  journal(): ClientJournal {
    for (const [room, entry] of this.#rooms)
      Object.assign(entry, { position: room.position?.offset ?? -1, epoch: room.position?.epoch ?? '' })
    return {
      client: this.client,
      session: this.#session,
      publishes: this.#publishes,
      answers: this.#answers,
      rooms: [...this.#rooms.values()],
      ...(this.#closed !== undefined && { closed: this.#closed }),
    }
  }

  async #publish(n: number): Promise<void> {
    const { room, data, wantsReply } = planned(this.client, n, this.#plan.workload)
    const entry: PublishEntry = { n, room, wish: data.wish, wantsReply, status: 'pending' }
    this.#publishes.push(entry)
    this.published++
    const options = wantsReply ? { reply: true } : {}
    try {
      const { id } = await this.#client.publish(room, 'message', data, options)
      Object.assign(entry, { status: 'acked', id })
    } catch (error) {
      this.#refused(entry, error as RoomwayError)
    }
    this.settled++
    this.#wake()
  }

  #refused(entry: PublishEntry, error: RoomwayError): void {
    const { code } = error
    const status = code === 'outcome_unknown' ? 'unknown' : code.startsWith('app.') ? 'rejected' : 'refused'
    Object.assign(entry, { status, code })
    if (status === 'rejected') this.#note({ kind: 'rejection', n: entry.n, run: error.message, code })
  }

  #onError(error: unknown): void {
    if (!(error instanceof RoomwayError) || error.eventId === undefined) return
    this.#note({ kind: 'rejection', id: error.eventId, run: error.message, code: error.code })
  }

  #note(answer: AnswerEntry): void {
    this.#answers.push(answer)
    this.#answered.set(this.#session, (this.#answered.get(this.#session) ?? 0) + 1)
  }
}

function take(entry: RoomEntry, { offset, id, event, data }: RoomEvent): void {
  entry.offsets.push(offset)
  entry.digests.push(digestOf(id, event, data))
}
