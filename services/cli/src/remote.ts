import { type Client, type ClientState, connect } from '@roomway/client'
import type { Config } from '@roomway/config'
import { WebSocket } from 'ws'

const defaultUrl = 'ws://127.0.0.1:8080/v1/ws'

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
  const token = remote.token?.reveal()
  const client = connect(url, { webSocket: WebSocket, ...(token === undefined ? {} : { token }) })
  const opened = new Promise<void>((resolve, reject) => {
    client.on('state', (state) => {
      if (state.status === 'open') resolve()
      else if (state.status === 'waiting') reject(unreachable(url, state.reason))
    })
  })
  const ended = new Promise<never>((_, reject) => {
    client.on('state', (state) => {
      if (state.status === 'closed') reject(refused(url, state))
    })
  })
  return { url, client, opened, ended }
}

function unreachable(url: string, reason: string): Error {
  const detail = reason === '' ? '' : ` (${reason})`
  return new Error(
    `${url} does not answer${detail}. Is Roomway running there? Start it (npx roomway start), or say where it is (ROOMWAY_URL)`,
  )
}

function refused(url: string, { code, reason, error }: Extract<ClientState, { status: 'closed' }>): Error {
  const detail = error === undefined ? `${code} ${reason}` : `${error.code}: ${error.message}`
  const remedy = code === 4501 ? '. ROOMWAY_TOKEN must be a token that it accepts (roomway token makes one)' : ''
  return new Error(`${url} refused the connection: ${detail}${remedy}`)
}
