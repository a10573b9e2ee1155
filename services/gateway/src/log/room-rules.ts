import { compilePatterns, type RoomMatcher } from '@roomway/auth'
import type { BrokerRecord, Log, Logger, Tail } from '@roomway/broker'
import { parseRoomRules, type RoomRule, systemNames } from '@roomway/records'

export interface RoomRulesOptions {
  readonly log: Log
  readonly logger: Logger
}

interface CompiledRule {
  readonly rule: RoomRule
  readonly matches: RoomMatcher
}

const retryMs = 1_000

/**
 * What the application says of its rooms, read from the meta log and followed there: the latest record holds, on every node alike. Rules that
 * were read stay in force until others are, also while that log is away or made anew, so that nobody is let in unasked meanwhile.
 */
export class RoomRules {
  readonly #options: RoomRulesOptions
  #rules: readonly CompiledRule[] = []
  #tail: Tail | undefined
  #state: 'opening' | 'open' | 'closed' = 'opening'

  constructor(options: RoomRulesOptions) {
    this.#options = options
  }

  /** The first rule whose pattern the room matches. */
  of(room: string): RoomRule | undefined {
    for (const { rule, matches } of this.#rules) if (matches(room)) return rule
    return undefined
  }

  /** Why the node should get no new clients; empty when it may. */
  unready(): string[] {
    return this.#state === 'open' ? [] : ['the room rules are being read']
  }

  /** Resolves once what the log holds was read. */
  async open(): Promise<void> {
    const { log } = this.#options
    const [start, end] = await Promise.all([log.start(0), log.end(0)])
    const read = ({ records }: { readonly records: readonly BrokerRecord[] }) => records.forEach(this.#take)
    const next = start < end ? await log.read(0, start, end, read) : end
    let isLost = false
    const onReset = () => {
      isLost = true
      this.#reopen()
    }
    const tail = await log.tail(new Map([[0, next]]), { onBatch: read, onReset })
    if (isLost || this.#isClosed()) return tail.close()
    this.#tail = tail
    this.#state = 'open'
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    await this.#tail?.close()
  }

  readonly #take = (record: BrokerRecord): void => {
    if (record.key !== systemNames.rules) return
    try {
      const rules = parseRoomRules(record)
      if (rules === undefined) throw new Error('they are not in the form that this node knows')
      this.#rules = rules.map((rule) => ({ rule, matches: compilePatterns([rule.pattern], '') }))
    } catch (error) {
      this.#options.logger.error(
        { err: error, offset: record.offset },
        'room rules that cannot be used: the former ones stay in force',
      )
    }
  }

  /** The log is another one, or cannot be read on. */
  #reopen(): void {
    if (this.#isClosed()) return
    this.#state = 'opening'
    this.open().catch((error) => {
      this.#options.logger.error({ err: error }, 'the room rules cannot be read; trying again')
      setTimeout(() => this.#reopen(), retryMs).unref()
    })
  }

  #isClosed(): boolean {
    return this.#state === 'closed'
  }
}
