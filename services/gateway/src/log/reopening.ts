import { type Logger, PositionError, type ResetReason } from '@roomway/broker'

export interface ReopeningOptions {
  readonly logger: Logger
  /** Whether there is still something to open. */
  readonly isOpening: () => boolean
  /** Closes what was open. */
  readonly leave: () => Promise<void>
  /** What is to be done where the log cannot be read on from where the node was. */
  readonly begin: (reason: ResetReason) => Promise<void>
}

const retryMs = 500

/** Opens the tail again, for as long as it takes. What is to be done may change meanwhile: the latest counts. */
export class Reopening {
  readonly #options: ReopeningOptions
  #next: () => Promise<void> = () => Promise.resolve()
  #isRunning = false
  /** Settled where nothing is being opened. */
  done: Promise<void> = Promise.resolve()

  constructor(options: ReopeningOptions) {
    this.#options = options
  }

  run(next: () => Promise<void>): void {
    this.#next = next
    if (this.#isRunning) return
    this.#isRunning = true
    this.done = this.#run()
  }

  async #run(): Promise<void> {
    const { isOpening, leave, logger, begin } = this.#options
    await leave()
    while (isOpening()) {
      try {
        await this.#next()
      } catch (error) {
        logger.error({ err: error }, 'the events log could not be opened; trying again')
        if (error instanceof PositionError) this.#next = () => begin(error.reason)
      }
      if (isOpening()) await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
    this.#isRunning = false // in one step with the end of the loop: a reset after it begins another
  }
}
