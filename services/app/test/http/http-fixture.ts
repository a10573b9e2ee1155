import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, type AppOptions, startApp } from '@roomway/app'
import { signToken } from '@roomway/auth'
import type { Broker } from '@roomway/broker'
import { openEmbeddedBroker } from '@roomway/broker-embedded'
import { loadConfig } from '@roomway/config'
import { homeOf, openEventReader, RoomDirectory, type RoomEvent } from '@roomway/records'
import { eventually, randomPrefix } from '@roomway/testing'
import { connections } from '../app-suite.js'
import { parse, silent } from '../fixtures.js'

export const secret = 'a-secret-of-at-least-32-bytes-for-tests'
export const adminToken = 'an-admin-token-for-tests'
const waitMs = 30_000

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Of what is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of every kind
  readonly body: any
}

export interface Ask {
  readonly method?: string
  /** A text or bytes go as they are, anything else as JSON. */
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

/** One request to an instance. */
export async function ask(app: Pick<App, 'port'>, path: string, { method, body, headers }: Ask = {}): Promise<Answer> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  const response = await fetch(`http://127.0.0.1:${app.port}${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: (isRaw ? body : JSON.stringify(body)) as BodyInit }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined }
}

export const publish = (app: Pick<App, 'port'>, body: unknown, headers: Record<string, string> = {}) =>
  ask(app, '/v1/events', { body, headers })

export const bearer = async (user: string, patterns: { join?: string[]; publish?: string[] }) => ({
  authorization: `Bearer ${await signToken({ secret: { reveal: () => secret }, user, ttlMs: 60_000, ...patterns })}`,
})

export const appConfig = (env: Record<string, string> = {}) =>
  loadConfig({ ROOMWAY_BROKER: 'embedded', ROOMWAY_APP_PORT: '0', ...env }, { command: 'app' })

/** A broker of its own in a folder of its own, and instances of the app tier on it. */
export class HttpBench {
  readonly broker: Broker
  readonly #close: () => Promise<void>
  readonly #apps: App[] = []
  readonly #open: () => Promise<Broker>

  constructor(broker: Broker, open: () => Promise<Broker>, close: () => Promise<void>) {
    this.broker = broker
    this.#open = open
    this.#close = close
  }

  /** An instance that serves what it owns, on a connection of its own. */
  async start(options: Partial<AppOptions> = {}, env: Record<string, string> = {}): Promise<App> {
    const app = await startApp({
      broker: await this.#open(),
      config: appConfig(env),
      logger: silent,
      ...options,
    })
    this.#apps.push(app)
    await eventually(() => app.unready().length === 0, waitMs, 'readiness')
    return app
  }

  async stop(app: App): Promise<void> {
    this.#apps.splice(this.#apps.indexOf(app), 1)
    await app.close()
  }

  /** The events of a room, as every reader shows them. */
  async shown(room: string): Promise<RoomEvent[]> {
    const events = await this.broker.log('events')
    const partition = homeOf(room, events.partitions)
    const directory = new RoomDirectory(events.partitions)
    const reader = openEventReader({ epoch: events.epoch, partition, directory })
    const found: RoomEvent[] = []
    await events.read(partition, await events.start(partition), await events.end(partition), ({ records }) => {
      for (const record of records) {
        const event = reader.read(record)
        if (event?.room === room) found.push({ ...event, payload: event.payload.slice() })
      }
    })
    return found
  }

  /** Waits until a room shows so many events, then gives them. */
  async whenShown(room: string, count: number): Promise<RoomEvent[]> {
    await eventually(async () => (await this.shown(room)).length >= count, waitMs, `${count} events in ${room}`)
    return this.shown(room)
  }

  async close(): Promise<void> {
    await Promise.all(this.#apps.splice(0).map((app) => app.close()))
    await this.#close()
  }
}

export const dataOf = (event: RoomEvent): unknown => parse(event.payload)

/** A bench on a broker to which each instance has a connection of its own. */
export async function benchOf(open: () => Promise<Broker>, end?: () => Promise<void>): Promise<HttpBench> {
  const { open: connect, close } = await connections(open, end)
  return new HttpBench(await connect(), connect, close)
}

export async function embeddedBench(partitions = 4): Promise<HttpBench> {
  const dataDir = await mkdtemp(join(tmpdir(), 'roomway-http-'))
  const options = { dataDir, prefix: randomPrefix(), partitions, logger: silent }
  return benchOf(
    () => openEmbeddedBroker(options),
    () => rm(dataDir, { recursive: true }),
  )
}
