import { compilePatterns } from '@roomway/auth'
import type { Log, Logger, Tail } from '@roomway/broker'
import { parseRoomRules, type RoomRule, roomRulesRecord } from '@roomway/records'

const retryMs = 1_000

/**
 * Tells every gateway the rules of the application's rooms, through the meta log: at the start, where the latest ones there are others, and
 * again where that log was made anew. Of two instances with different rules the one that started last is heard.
 */
export class RoomRulesDuty {
  readonly #log: Log
  readonly #logger: Logger
  readonly #rules: readonly RoomRule[]
  #tail: Tail | undefined
  #isClosed = false

  /** @throws PatternError where a rule's pattern cannot be meant. */
  constructor(log: Log, rules: readonly RoomRule[], logger: Logger) {
    for (const { pattern } of rules) compilePatterns([pattern], '')
    this.#log = log
    this.#rules = rules
    this.#logger = logger
  }

  /** Resolves once the rules are durable. */
  async open(): Promise<void> {
    const { latest, next } = await this.#read()
    const { length } = this.#rules
    const isSaid = latest === undefined ? length === 0 : JSON.stringify(latest) === JSON.stringify(this.#rules)
    if (!isSaid) await this.#log.append([roomRulesRecord(this.#rules)])
    const tail = await this.#log.tail(new Map([[0, next]]), { onBatch: () => {}, onReset: () => this.#openAgain() })
    if (this.#isClosed) await tail.close()
    else this.#tail = tail
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#tail?.close()
  }

  async #read(): Promise<{ readonly latest: readonly RoomRule[] | undefined; readonly next: number }> {
    const [start, end] = await Promise.all([this.#log.start(0), this.#log.end(0)])
    let latest: readonly RoomRule[] | undefined
    if (start >= end) return { latest, next: end }
    const next = await this.#log.read(0, start, end, ({ records }) => {
      for (const record of records) latest = parseRoomRules(record) ?? latest
    })
    return { latest, next }
  }

  #openAgain(): void {
    if (this.#isClosed) return
    this.open().catch((error) => {
      this.#logger.error({ err: error }, 'the room rules cannot be written to the new meta log; trying again')
      setTimeout(() => this.#openAgain(), retryMs).unref()
    })
  }
}
