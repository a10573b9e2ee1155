import type { Position, ResumedFrame, WelcomeFrame } from '@roomway/protocol'

/** A client is another session only after an outage of minutes: events of one so many outages ago are nobody's own any more. */
const maxSessions = 1000
/** An answer that the application tier writes again, after a takeover, comes minutes after the first. */
const maxAnswered = 10_000

/** Who the client is to the server, over any number of connections. The token that proves it is kept in memory only. */
export class Session {
  #id = ''
  #resumeToken = ''
  #own: Position = { epoch: '', offset: -1 }
  #welcome: WelcomeFrame | undefined
  #epoch = ''
  #lastId = 0
  /** Every session that this client was. */
  readonly #ids = new Set<string>()
  /** The frames that have had an answer in `$session`. */
  readonly #answered = new Set<number>()

  get id(): string {
    return this.#id
  }

  /** What resuming takes; undefined before the first welcome. */
  get resumption(): { readonly token: string; readonly position: Position } | undefined {
    return this.#id === '' ? undefined : { token: this.#resumeToken, position: this.#own }
  }

  /** The present connection's welcome. */
  get welcome(): WelcomeFrame | undefined {
    return this.#welcome
  }

  /** The present epoch of the server's log. */
  get epoch(): string {
    return this.#epoch
  }

  /** The numbers of frames: one counter for the life of the client, so none is ever used twice in a session. */
  nextId(): number {
    return ++this.#lastId
  }

  onWelcome(frame: WelcomeFrame): void {
    this.#welcome = frame
    this.#epoch = frame.epoch
  }

  /** Goes on as the session that the present connection's welcome offered. */
  adopt(): void {
    const welcome = this.#welcome
    if (welcome === undefined) return
    this.#become(welcome.session)
    this.#resumeToken = welcome.resumeToken
    this.#own = { epoch: welcome.epoch, offset: welcome.offset }
  }

  onResumed(frame: ResumedFrame): void {
    if (!frame.recovered) this.adopt()
    this.#become(frame.session)
    this.#resumeToken = frame.resumeToken
  }

  /** Whether an event came of a publish of this client: its id, or that of its command, begins with the session. */
  isOwn(eventId: string): boolean {
    return this.#ids.has(eventId.slice(0, eventId.lastIndexOf(':')))
  }

  /** The server names another epoch, in an answer about some room. */
  onEpoch(epoch: string): void {
    this.#epoch = epoch
  }

  /** Where `$session` now stands. */
  onPosition(position: Position): void {
    this.#own = { epoch: position.epoch, offset: position.offset }
  }

  /** Whether a record of `$session` is new, and the first that answers the frame `id`; its offset is noted. */
  isNews(offset: number, id?: number): boolean {
    if (offset <= this.#own.offset) return false
    this.#own = { epoch: this.#own.epoch, offset }
    return id === undefined || remember(this.#answered, id, maxAnswered)
  }

  #become(id: string): void {
    this.#id = id
    remember(this.#ids, id, maxSessions)
  }
}

/** Adds to a set that forgets its oldest; returns whether it is new there. */
function remember<T>(known: Set<T>, item: T, most: number): boolean {
  if (known.has(item)) return false
  known.add(item)
  if (known.size > most) known.delete(known.values().next().value as T)
  return true
}
