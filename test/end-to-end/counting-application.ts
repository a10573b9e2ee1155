import type { Application, Decision, JoinRequest, RoomLog, Snapshot, Verdict } from '@roomway/handlers'
import type { Position } from '@roomway/protocol'
import type { Command, RoomRule } from '@roomway/records'

/** What a room's events have made of it. The order in which they came, and how often each did, shows. */
export interface State {
  readonly count: number
  readonly hash: number
}

export const nothing: State = { count: 0, hash: 7 }
export const after = ({ count, hash }: State, n: number): State => ({
  count: count + 1,
  hash: (Math.imul(hash, 31) + n) | 0,
})

const encode = (state: State) => new TextEncoder().encode(JSON.stringify(state))
const numberIn = (payload: Uint8Array) => Number(Buffer.from(payload).toString())

/** Folds the room's log; who asks while it reads shares the next reading. */
export class CountingApplication implements Application {
  readonly rules: readonly RoomRule[] = [{ pattern: 'count:*', kind: 'handled', asksJoin: true, hasSnapshot: true }]
  /** Commands that are being handled until `goOn`. */
  handling = 0
  goOn: () => void = () => {}
  #state = nothing
  #position: Position | undefined
  #reading: Promise<unknown> = Promise.resolve()
  #next: Promise<Snapshot> | undefined

  readonly decide = async (command: Command): Promise<Decision> => {
    this.handling++
    this.onHandling(command)
    await new Promise<void>((resolve) => {
      this.goOn = resolve
    })
    return { type: 'accept' }
  }

  async authorizeJoin({ room }: JoinRequest): Promise<Verdict> {
    return room === 'count:closed' ? { type: 'refuse', code: 'app.closed', message: 'closed' } : { type: 'allow' }
  }

  snapshot(_request: JoinRequest, log: RoomLog): Promise<Snapshot> {
    this.#next ??= this.#read(log)
    return this.#next
  }

  protected onHandling(_command: Command): void {}

  async #read(log: RoomLog): Promise<Snapshot> {
    await this.#reading
    const next = this.#next
    this.#next = undefined
    this.#reading = next!.catch(() => {})
    const take = ({ payload }: { readonly payload: Uint8Array }) => {
      this.#state = after(this.#state, numberIn(payload))
    }
    this.#position = await log.read(this.#position, await log.end(), take)
    return { position: this.#position, data: encode(this.#state) }
  }
}

/** Changes its state when it handles a command, and takes the end of the log for the position of that: state may hold events that stand above it. */
export class MistakenApplication extends CountingApplication {
  #mistaken = nothing

  protected override onHandling(command: Command): void {
    this.#mistaken = after(this.#mistaken, numberIn(command.payload))
  }

  override async snapshot(_request: JoinRequest, log: RoomLog): Promise<Snapshot> {
    return { position: await log.end(), data: encode(this.#mistaken) }
  }
}
