import type { Logger } from '@roomway/broker'
import type { Context, ExitCode } from './context.js'

/** Something that was started and can be closed; closing waits for what is in flight. */
export interface Closable {
  close(): Promise<void>
}

const unclean = 'a service did not close cleanly'

/** What a process runs, in the order it was started. It is closed in the opposite order, so that nothing loses what it stands on. */
export class ServiceRun {
  readonly #started: { readonly name: string; readonly service: Closable }[] = []
  readonly #context: Context
  readonly #logger: Logger
  #isStopped = false

  constructor(context: Context, logger: Logger) {
    this.#context = context
    this.#logger = logger
  }

  /** Notes what has started, and hands it on. What has started although the run was stopped meanwhile is closed. */
  add<T extends Closable>(name: string, service: T): T {
    if (this.#isStopped) service.close().catch((error) => this.#logger.error({ err: error, service: name }, unclean))
    else this.#started.push({ name, service })
    return service
  }

  /**
   * Starts everything, waits for the signal to stop, which may come meanwhile, and closes what was started within the deadline.
   * @returns 1 where not everything closed in time. @throws what a start throws, after closing what had started.
   */
  async run(start: () => Promise<void>, closeMs: number): Promise<ExitCode> {
    const stopped = this.#context.stopped()
    try {
      await Promise.race([start(), stopped])
    } catch (error) {
      await this.#close(closeMs)
      throw error
    }
    const signal = await stopped
    this.#logger.info({ signal }, 'stopping')
    return (await this.#close(closeMs)) ? 0 : 1
  }

  async #close(withinMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, withinMs, false)
    })
    const isClean = await Promise.race([this.#closeAll(), late])
    clearTimeout(timer)
    if (!isClean)
      this.#logger.error({ withinMs, open: this.#started.map(({ name }) => name) }, 'not everything closed cleanly')
    return isClean
  }

  async #closeAll(): Promise<boolean> {
    this.#isStopped = true
    let isClean = true
    while (this.#started.length > 0) {
      const { name, service } = this.#started.at(-1)!
      try {
        await service.close()
      } catch (error) {
        this.#logger.error({ err: error, service: name }, unclean)
        isClean = false
      }
      this.#started.pop()
    }
    return isClean
  }
}
