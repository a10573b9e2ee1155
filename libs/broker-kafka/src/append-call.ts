import { AppendError } from '@roomway/broker'

/** One call of `append`, whose records may lie in several batches. Settles when the last of them did. */
export class AppendCall {
  readonly done: Promise<void>
  #open = 0
  #appended = false
  #failure: AppendError | undefined
  #resolve!: () => void
  #reject!: (error: AppendError) => void

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** One more batch holds records of this call. */
  joined(): void {
    this.#open++
  }

  appended(): void {
    this.#appended = true
    this.#settled()
  }

  failed(error: AppendError): void {
    if (this.#failure === undefined || error.outcome === 'unknown') this.#failure = error
    this.#settled()
  }

  #settled(): void {
    if (--this.#open > 0) return
    if (this.#failure === undefined) this.#resolve()
    else this.#reject(this.#appended ? partly(this.#failure) : this.#failure)
  }
}

/** Some records are in the log, so the call as a whole is not certainly out of it. */
function partly(failure: AppendError): AppendError {
  if (failure.outcome === 'unknown') return failure
  return new AppendError('unknown', `some records of the call were appended, others not: ${failure.message}`, {
    cause: failure,
  })
}
