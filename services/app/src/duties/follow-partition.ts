import type { Batch, ReadableLog } from '@roomway/broker'
import type { ServiceRun } from './service-run.js'

export interface FollowOptions {
  readonly run: ServiceRun
  readonly log: ReadableLog
  /** Of the log, for errors. */
  readonly name: string
  readonly partition: number
  readonly from: number
  /** Reading pauses until a returned promise settles, or the run is over. */
  readonly take: (batch: Batch) => void | Promise<void>
}

/** A log where nothing happens is asked for its end after this long: an answer, or the marker that this appends, is a sign of life. */
const askAfterMs = 10_000
const maxSilenceMs = 20_000

/**
 * Tails one partition for a run, which it fails on a reset, on a fault of `take`, and when reading has shown no sign of life for 20 s.
 * @throws PositionError where `from` cannot be read from.
 */
export async function followPartition(options: FollowOptions): Promise<void> {
  const { run, log, name, partition, from, take } = options
  const busy = new BusyTime()
  const tail = await run.keep(
    log.tail(new Map([[partition, from]]), {
      onBatch: (batch) => {
        try {
          const taking = take(batch)
          return taking && busy.during(Promise.race([taking.catch(run.fail), run.ended]))
        } catch (error) {
          run.fail(error)
        }
      },
      onReset: (reason) => run.fail(new Error(`the ${name} log was reset (${reason})`)),
    }),
  )
  const watched = { run, log, name, partition, lastActivityMs: () => busy.orSince(tail.lastActivityMs(partition)) }
  const timer = setInterval(watch, 1_000, watched)
  timer.unref()
  await run.keep(Promise.resolve({ close: async () => clearInterval(timer) }))
}

/** The time that batches take to be dealt with is no silence of the log. */
class BusyTime {
  #batches = 0
  #lastMs = Number.NEGATIVE_INFINITY

  during(work: Promise<void>): Promise<void> {
    this.#batches++
    return work.finally(() => {
      this.#batches--
      this.#lastMs = performance.now()
    })
  }

  orSince(timeMs: number): number {
    return this.#batches > 0 ? performance.now() : Math.max(timeMs, this.#lastMs)
  }
}

interface Watched extends Pick<FollowOptions, 'run' | 'log' | 'name' | 'partition'> {
  lastActivityMs(): number
}

function watch({ run, log, name, partition, lastActivityMs }: Watched): void {
  const silentMs = performance.now() - lastActivityMs()
  if (silentMs > maxSilenceMs)
    run.fail(new Error(`the tail of ${name} ${partition} has been silent for ${Math.round(silentMs)} ms`))
  else if (silentMs > askAfterMs) log.end(partition).catch(() => undefined)
}
