import { type Client, type ClientState, connect, RoomwayError } from '@roomway/client'
import type { Config } from '@roomway/config'
import { closeCodes } from '@roomway/protocol'
import { WebSocket } from 'ws'
import { CodedError } from './context.js'

const defaultUrl = 'ws://127.0.0.1:8080/v1/ws'
/** A gateway that asks for tokens waits some seconds for a late one, but refuses a wrong one at once; another gateway looks at none. */
const placeholderToken = 'anonymous'

/** A running Roomway, as the commands that talk to one see it. */
export interface Remote {
  readonly url: string
  readonly client: Client
  /** Resolves with the first open session. @throws where the first attempt fails: nothing runs there, or it refuses. */
  readonly opened: Promise<void>
  /** Rejects when the gateway ends the session for good; never resolves. */
  readonly ended: Promise<never>
}

/** Connects to the Roomway that ROOMWAY_URL names, as ROOMWAY_TOKEN. Once it was open, it reconnects and resumes by itself. */
export function connectRemote({ remote }: Config): Remote {
  const url = remote.url ?? defaultUrl
  let fault: NodeJS.ErrnoException | undefined
  /** A closed socket does not say why; its error before that does. */
  class Telling extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols)
      this.on('error', (error) => {
        fault = error
      })
    }
  }
  const client = connect(url, { webSocket: Telling, token: remote.token?.reveal() ?? placeholderToken })
  const opened = new Promise<void>((resolve, reject) => {
    client.on('state', (state) => {
      if (state.status === 'open') resolve()
      else if (state.status === 'waiting') reject(unreachable(url, state.reason, fault))
    })
  })
  const ended = new Promise<never>((_, reject) => {
    client.on('state', (state) => {
      if (state.status === 'closed') reject(refused(url, state, remote.token !== undefined))
    })
  })
  return { url, client, opened, ended }
}

function unreachable(url: string, reason: string, fault: NodeJS.ErrnoException | undefined): Error {
  const status = /^Unexpected server response: (\d+)$/.exec(fault?.message ?? '')?.[1]
  if (status !== undefined)
    return new Error(`${url} answers, but with HTTP ${status}. Is that the address of a gateway? It is ROOMWAY_URL`)
  const said = reason || fault?.message || fault?.code
  const detail = said === undefined ? '' : ` (${said})`
  return new CodedError(
    fault?.code,
    `${url} does not answer${detail}. Is Roomway running there? Start it (npx roomway start), or say where it is (ROOMWAY_URL)`,
  )
}

/** A refusal of the gateway's, with its code in front. */
export function coded(error: unknown): unknown {
  if (!(error instanceof RoomwayError)) return error
  return new CodedError(error.code, `${error.code}: ${error.message}`, { cause: error })
}

function refused(
  url: string,
  { code, reason, error }: Extract<ClientState, { status: 'closed' }>,
  hasToken: boolean,
): Error {
  if (code === closeCodes.unauthorized.code && !hasToken) {
    return new Error(`${url} asks for a token: set ROOMWAY_TOKEN (roomway token makes one, where the secret is known)`)
  }
  const detail = error === undefined ? `${code} ${reason}` : `${error.code}: ${error.message}`
  return new CodedError(error?.code, `${url} refused the connection: ${detail}`)
}
