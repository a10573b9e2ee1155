import type { Decision } from '@roomway/handlers'
import type { Command } from '@roomway/records'
import { emission, parse, roomAt } from '../fixtures.js'

export const partitions = 2
/** Where commands go. The first two share a partition. */
export const rooms = [roomAt(0, partitions, 'a'), roomAt(0, partitions, 'b'), roomAt(1, partitions, 'c')] as const
const farOf = (room: string) => (room === rooms[2] ? rooms[0] : rooms[2])
const nearOf = (room: string) => (room === rooms[0] ? rooms[1] : rooms[0])

/** What a command wants of its handler. `fickle`: its answer takes another form each time. */
export const kinds = ['accept', 'reject', 'one', 'many', 'far', 'nothing', 'fickle'] as const
export type Kind = (typeof kinds)[number]

/** What a command says. */
export interface Wish {
  readonly command: string
  readonly kind: Kind
}

/** What an event says that a handler made. */
export interface Made {
  readonly command: string
  readonly run: number
  readonly number: number
}

export type Shown = Wish | Made

export const isMade = (shown: Shown): shown is Made => 'run' in shown

/** One run of a handler, and the events it decided on; undefined: it rejected. */
export interface Run {
  readonly command: string
  readonly kind: Kind
  readonly events: readonly { readonly room: string; readonly number: number }[] | undefined
}

/** The business logic of the model: it answers differently each time it is run. */
export class Business {
  readonly runs: Run[] = []

  readonly decide = ({ room, payload }: Command): Decision => {
    const { command, kind } = parse(payload) as Wish
    const run = this.runs.length
    const now = kind === 'fickle' ? kinds[run % 6]! : kind
    const to = roomsOf(now, room)
    this.runs.push({ command, kind, events: to?.map((one, i) => ({ room: one, number: i + 1 })) })
    if (now === 'accept') return { type: 'accept' }
    if (to === undefined) return { type: 'reject', code: 'app.no', message: String(run) }
    const events = to.map((one, i) => emission(one, { command, run, number: i + 1 } satisfies Made))
    return { type: 'answer', events, reply: new TextEncoder().encode(String(run)) }
  }
}

function roomsOf(kind: Kind, own: string): readonly string[] | undefined {
  switch (kind) {
    case 'many':
      return [own, nearOf(own), farOf(own), own]
    case 'far':
      return [farOf(own), farOf(own)]
    case 'nothing':
      return []
    case 'reject':
      return undefined
    default:
      return [own]
  }
}
