import { type Logger, PositionError } from '@roomway/broker'
import type { Position } from '@roomway/protocol'
import type { Command, RoomEvent } from '@roomway/records'
import type { CommandRun, Decision, RoomLog } from '../src/index.js'

export const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
export const parsed = (bytes: Uint8Array | undefined): unknown =>
  bytes === undefined ? undefined : JSON.parse(new TextDecoder().decode(bytes))

export function command(room: string, event: string, data: unknown, parts: Partial<Command> = {}): Command {
  return {
    id: 's1:7',
    room,
    event,
    contentType: 'application/json',
    payload: json(data),
    user: 'ann',
    timeMs: 1_000,
    after: { epoch: 'e1', offset: -1 },
    wantsReply: true,
    traceparent: undefined,
    ...parts,
  }
}

export const run = (parts: Partial<CommandRun> = {}): CommandRun => ({
  signal: new AbortController().signal,
  deadlineMs: 5_000,
  attempt: 1,
  commandId: 'c1:0:7',
  ...parts,
})

/** A decision with what is JSON in it as values. */
export function readable(decision: Decision): unknown {
  if (decision.type === 'reject') return decision
  const { reply } = decision
  const events = decision.type === 'answer' ? decision.events : undefined
  return {
    type: decision.type,
    ...(reply && { reply: parsed(reply) }),
    ...(events && { events: events.map(({ room, event, payload }) => [room, event, parsed(payload)]) }),
  }
}

export interface Line {
  readonly level: string
  readonly message: string
  readonly fields: object
}

export function recordingLogger(): Logger & { readonly lines: Line[] } {
  const lines: Line[] = []
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, message, fields })
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** The log of one room in memory, with holes between its offsets. */
export class MemoryRoomLog implements RoomLog {
  epoch = 'e1'
  readonly events: RoomEvent[] = []
  /** The offset of the oldest record that is kept. */
  start = 0
  reads = 0
  readonly readFrom: (number | undefined)[] = []
  /** Reads fail after so many events. */
  breaksAfter: number | undefined
  /** Called before a read gives its events. */
  onRead: (() => Promise<void> | void) | undefined

  append(data: unknown, event = 'message', parts: Partial<RoomEvent> = {}): void {
    const offset = this.#last + 3
    const named = { room: 'r', offset, id: `e1:0:${offset}`, ownId: undefined, event }
    this.events.push({
      ...named,
      contentType: 'application/json',
      isJson: true,
      payload: json(data),
      timeMs: 5,
      user: 'ann',
      traceparent: undefined,
      ...parts,
    })
  }

  begin(epoch: string): void {
    this.epoch = epoch
    this.events.length = 0
    this.start = 0
  }

  get #last(): number {
    return this.events.at(-1)?.offset ?? -3
  }

  end(): Promise<Position> {
    return Promise.resolve({ epoch: this.epoch, offset: Math.max(-1, this.#last + 1) })
  }

  async read(from: Position | undefined, to: Position, onEvent: (event: RoomEvent) => void): Promise<Position> {
    this.reads++
    this.readFrom.push(from?.offset)
    await this.onRead?.()
    if ((from?.epoch ?? this.epoch) !== this.epoch || to.epoch !== this.epoch) throw new PositionError('epoch', 'other')
    const first = from === undefined ? this.start : from.offset + 1
    if (first < this.start) throw new PositionError('expired', 'below the start')
    let left = this.breaksAfter ?? Number.POSITIVE_INFINITY
    for (const event of [...this.events]) {
      if (event.offset < first || event.offset > to.offset) continue
      await Promise.resolve()
      if (left-- === 0) throw new Error('the log is away')
      onEvent(event)
    }
    return to.offset < first ? (from ?? to) : to
  }
}
