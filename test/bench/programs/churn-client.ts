/*
 * Clients that come and go all the time, and look at every event that they get: in each room the events are numbered in steps of the number of
 * rooms, so that one that is lost, or comes twice, shows. A client leaves and joins again where it was, goes to another room, has its
 * connection cut and resumes, or ends and comes back as a new one from where it was.
 *
 * Commands on stdin, one a line; each is answered by one line of JSON. End of input ends the program.
 *   start       when all have joined
 *   look        a ChurnLook at the time since the last one
 *   rest        stay where they are from now on
 *   finish N    when each has the last of its room's events, of N in all, or half a minute later; a ChurnReport
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, connect, type Room, type RoomEvent } from '@roomway/client'
import { WebSocket } from 'ws'
import { roomName } from './event-feed.js'
import { EventNumbers } from './event-numbers.js'

export interface ChurnPlan {
  readonly url: string
  readonly tokensFile: string
  /** Of the tokens, those that others have. */
  readonly firstToken: number
  readonly clients: number
  readonly rooms: number
}

/** What was answered since the last look. */
export interface ChurnLook {
  /** On an open connection: from the join to its answer. */
  readonly joins: Waits
  /** After a cut: from the connection's being open to where the session and its room go on. What the client waits before it connects again is not in it. */
  readonly resumes: Waits
  /** Of new clients: from the beginning of the connection to the answer to its join. */
  readonly returns: Waits
  /** Of what has had no answer yet, what was asked first. */
  readonly longestOpenMs: number
}

export interface Waits {
  readonly count: number
  /** Undefined of none. */
  readonly p50Ms: number | undefined
  readonly maxMs: number | undefined
}

export interface ChurnReport {
  readonly joins: number
  readonly leaves: number
  readonly cuts: number
  readonly returns: number
  readonly events: number
  readonly lost: number
  readonly doubled: number
  readonly resets: number
  /** Clients that did not get their room's last event. */
  readonly behind: number
  readonly faults: readonly string[]
}

const plan = JSON.parse(process.argv[2]!) as ChurnPlan
const tokens = readFileSync(plan.tokensFile, 'utf8').split('\n')
const counts = { joins: 0, leaves: 0, cuts: 0, returns: 0, events: 0, resets: 0 }
const faults: string[] = []
const pauseMs = { least: 1_000, spread: 2_000 }
/** Of what is done next; else a client goes to another room. */
const shares = { cut: 0.3, comeBack: 0.2, rejoin: 0.25 }
const finishMs = 30_000
let isResting = false
const waitsMs = { joins: [] as number[], resumes: [] as number[], returns: [] as number[] }

class Churner {
  readonly #token: string
  #client: Client
  #socket: WebSocket | undefined
  #number = 0
  #room: Room | undefined
  /** Of the room it is in. */
  #last: RoomEvent | undefined
  readonly numbers = new EventNumbers(plan.rooms)
  /** A join that was asked for while there was no connection to ask on. */
  #isJoinPending = false
  /** What the server owes an answer to. */
  #open: { readonly kind: keyof typeof waitsMs; readonly sinceMs: number } | undefined

  constructor(index: number) {
    this.#token = tokens[plan.firstToken + index]!
    this.#client = this.#connect()
  }

  async churn(): Promise<void> {
    while (!isResting) {
      await delay(pauseMs.least + Math.random() * pauseMs.spread)
      if (isResting) return
      const dice = Math.random()
      if (dice < shares.cut) this.#cut()
      else if (dice < shares.cut + shares.comeBack) await this.#comeBack()
      else if (dice < shares.cut + shares.comeBack + shares.rejoin) await this.#rejoin()
      else await this.move()
    }
  }

  /** To a room of its choice, from now on. */
  async move(): Promise<void> {
    this.#leave()
    this.#number = Math.floor(Math.random() * plan.rooms)
    this.#last = undefined
    this.numbers.forget()
    await this.#joinAgain()
  }

  isBehind(sent: number): boolean {
    return this.numbers.last !== sent - plan.rooms + this.#number
  }

  openMs(nowMs: number): number {
    return this.#open === undefined ? 0 : nowMs - this.#open.sinceMs
  }

  #cut(): void {
    counts.cuts++
    this.#socket?.terminate()
  }

  async #comeBack(): Promise<void> {
    counts.returns++
    await this.#client.close()
    this.#client = this.#connect()
    this.#ask('returns')
    await this.#join()
    this.#answered('returns')
  }

  async #rejoin(): Promise<void> {
    this.#leave()
    await this.#joinAgain()
  }

  /** Where the client waits to connect, or resumes, the join waits with it, and its time begins when that is over. */
  async #joinAgain(): Promise<void> {
    this.#isJoinPending = this.#client.state.status !== 'open'
    if (!this.#isJoinPending) this.#ask('joins')
    await this.#join()
    this.#isJoinPending = false
    this.#answered('joins')
  }

  #ask(kind: keyof typeof waitsMs): void {
    this.#settle()
    this.#open = { kind, sinceMs: performance.now() }
  }

  #answered(kind: keyof typeof waitsMs): void {
    if (this.#open?.kind === kind) this.#settle()
  }

  #isOpen(): void {
    this.#answered('resumes')
    if (this.#isJoinPending) this.#ask('joins')
  }

  /** What ends without an answer counts with the time it had: the client goes on with something else, so a slow server would else look quick. */
  #settle(): void {
    if (this.#open === undefined) return
    waitsMs[this.#open.kind].push(this.openMs(performance.now()))
    this.#open = undefined
  }

  #leave(): void {
    if (this.#room === undefined) return
    counts.leaves++
    const room = this.#room
    this.#room = undefined
    room.leave()
  }

  async #join(): Promise<void> {
    counts.joins++
    const from = this.#last
    const room = await this.#client.join(roomName(this.#number), from === undefined ? {} : { from })
    this.#room = room
    room.on('reset', () => {
      counts.resets++
      this.numbers.forget()
    })
    room.on('event', (event) => {
      if (this.#room === room) this.#take(event)
    })
  }

  #take(event: RoomEvent): void {
    counts.events++
    this.#last = event
    this.numbers.take((event.data as { readonly n: number }).n)
  }

  #connect(): Client {
    const keep = (socket: WebSocket) => {
      this.#socket = socket
    }
    class CuttableWebSocket extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols)
        keep(this)
      }
    }
    const client = connect(plan.url, { token: this.#token, webSocket: CuttableWebSocket as never })
    client.on('state', ({ status }) => {
      if (status === 'resuming') this.#ask('resumes')
      if (status === 'open') this.#isOpen()
      if (status === 'waiting') this.#settle()
    })
    return client
  }
}

const churners = Array.from({ length: plan.clients }, (_, index) => new Churner(index))
const sum = (of: 'lost' | 'doubled') => churners.reduce((total, { numbers }) => total + numbers[of], 0)
let churning: Promise<unknown> = Promise.resolve()

/** Of these, which are counted then. */
function taken(timesMs: number[]): Waits {
  const sorted = timesMs.splice(0).sort((a, b) => a - b)
  return { count: sorted.length, p50Ms: sorted[sorted.length >> 1], maxMs: sorted.at(-1) }
}

const commands: Record<string, (argument: string) => unknown> = {
  async start() {
    await Promise.all(churners.map((churner) => churner.move()))
    churning = Promise.all(
      churners.map((churner) => churner.churn().catch((error: unknown) => void faults.push(String(error)))),
    )
  },
  look(): ChurnLook {
    const nowMs = performance.now()
    const longestOpenMs = Math.max(...churners.map((churner) => churner.openMs(nowMs)))
    const { joins, resumes, returns } = waitsMs
    return { joins: taken(joins), resumes: taken(resumes), returns: taken(returns), longestOpenMs }
  },
  async rest() {
    isResting = true
    await churning
  },
  async finish(argument): Promise<ChurnReport> {
    const endMs = performance.now() + finishMs
    const behind = () => churners.filter((churner) => churner.isBehind(Number(argument))).length
    while (behind() > 0 && performance.now() < endMs) await delay(50)
    return { ...counts, lost: sum('lost'), doubled: sum('doubled'), behind: behind(), faults }
  },
}

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const [name, argument = ''] = line.split(' ')
    console.log(JSON.stringify((await commands[name!]!(argument)) ?? null))
  })
  .on('close', () => process.exit(0))
