/* What the clients of a run ask for: command `n` of client `c` is the same in every run of a seed. */
import { Random } from './random.js'

/**
 * What the handler does: `waver` accepts or rejects, by chance, at each run anew; `answer` gives several events, for its own and other rooms; `slow` accepts after a while;
 * `stumble` fails at the first run, `fail` at every one.
 */
export type Wish = 'accept' | 'reject' | 'waver' | 'answer' | 'slow' | 'stumble' | 'fail'

/** The data of a command. */
export interface Request {
  readonly c: number
  readonly n: number
  readonly wish: Wish
  /** Of `answer`: the rooms of its events, in order. */
  readonly to?: readonly string[]
}

/** The data of an event that a handler made of a command. `run` names the run of the handler. */
export interface Part {
  readonly c: number
  readonly n: number
  readonly run: string
  /** From 0, of `of`. */
  readonly part: number
  readonly of: number
}

/** The data of a reply. */
export interface Answer {
  readonly c: number
  readonly n: number
  readonly run: string
}

export interface Planned {
  readonly room: string
  readonly data: Request
  readonly wantsReply: boolean
}

export interface WorkloadOptions {
  readonly seed: number
  readonly rooms: number
}

/** How often they come. */
const weights: Readonly<Record<Wish, number>> = {
  accept: 110,
  reject: 20,
  waver: 20,
  slow: 10,
  answer: 30,
  stumble: 9,
  fail: 1,
}
const wishes = (Object.keys(weights) as Wish[]).flatMap((wish) => Array.from({ length: weights[wish] }, () => wish))

export const roomName = (index: number): string => `chaos:${index}`

/** The rooms of a client, which it has joined. */
export function roomsOf(client: number, rooms: number): string[] {
  return [...new Set([client, client * 7 + 3])].map((index) => roomName(index % rooms))
}

export function planned(client: number, n: number, { seed, rooms }: WorkloadOptions): Planned {
  const random = new Random(
    Math.imul(seed, 0x9e3779b1) ^ Math.imul(client + 1, 0x85ebca6b) ^ Math.imul(n + 1, 0xc2b2ae35),
  )
  const room = random.next() < 0.9 ? random.pick(roomsOf(client, rooms)) : roomName(random.whole(0, rooms))
  const wish = random.pick(wishes)
  const wantsReply = random.next() < 0.3
  const others = Array.from({ length: random.whole(1, 4) }, () => roomName(random.whole(0, rooms)))
  const to = wish === 'answer' ? random.shuffled([room, ...others]) : undefined
  return { room, data: { c: client, n, wish, ...(to && { to }) }, wantsReply }
}
