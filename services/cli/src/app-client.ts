import type { Config } from '@roomway/config'
import { CodedError } from './context.js'

const answerMs = 30_000

interface ProblemDetails {
  readonly code?: string
  readonly detail?: string
}

/** The application tier of a running Roomway, as the operator's commands ask it. */
export class AppClient {
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>

  constructor({ appUrl, adminToken }: Config) {
    this.#url = appUrl.replace(/\/$/, '')
    this.#headers = adminToken === undefined ? {} : { authorization: `Bearer ${adminToken.reveal()}` }
  }

  /** The answer's JSON; undefined where it has none. @throws Error that says what was refused, or that nobody answers. */
  async ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string): Promise<T> {
    const response = await this.#fetch(method, path)
    const text = await response.text()
    if (!response.ok) throw refusal(response.status, text)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  async #fetch(method: string, path: string): Promise<Response> {
    const signal = AbortSignal.timeout(answerMs)
    try {
      return await fetch(this.#url + path, { method, headers: this.#headers, signal })
    } catch (cause) {
      const { code, said } = reasonOf(cause as Error)
      throw new CodedError(
        code,
        `${this.#url} does not answer (${said}). Is the application tier running there? Say where it is with ROOMWAY_APP_URL`,
        { cause },
      )
    }
  }
}

/** What `fetch` says itself is only that it failed. */
function reasonOf(error: Error): { readonly code: string | undefined; readonly said: string } {
  const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException
  return { code: typeof code === 'string' ? code : undefined, said: message || (code ?? error.message) }
}

function refusal(status: number, text: string): Error {
  const { code, detail } = problemIn(text)
  if (status === 401)
    return new CodedError(code, `${code}: ${detail}: set ROOMWAY_ADMIN_TOKEN to that of the running Roomway`)
  return new CodedError(code, code === undefined ? `the answer was ${status}` : `${code}: ${detail}`)
}

function problemIn(text: string): ProblemDetails {
  try {
    return JSON.parse(text) as ProblemDetails
  } catch {
    return {}
  }
}
