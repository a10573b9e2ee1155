/**
 * Servers that all tests of one jest run share. The main process of jest holds a {@link TestServers}, whose address all
 * workers have in their environment; the first test that asks for a server makes it start, and the end of the run stops
 * it. A run that asks for none starts none.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { dockerAnswers, startInDocker } from './docker-brokers.js'
import { startKafka } from './local-kafka.js'
import { startRabbitmq } from './local-rabbitmq.js'
import { startZipkin } from './local-zipkin.js'

/** Name of the environment variable that holds {@link TestServers.address}. */
export const SERVERS_VARIABLE = 'TEST_SERVERS_SOCKET'

/** `kafka`: `host:port`; `rabbitmq`: an AMQP URL; `zipkin`: an HTTP URL. */
export type ServerName = 'kafka' | 'rabbitmq' | 'zipkin'

type Running = { address: string; close: () => Promise<void> }
type Answer = { address: string } | { error: string }

const START: Record<ServerName, () => Promise<Running>> = {
  kafka: async () => {
    const docker = await inDocker('kafka')
    if (docker !== undefined) return { address: `127.0.0.1:${docker.port}`, close: docker.close }
    const kafka = await startKafka()
    return { address: kafka.brokers.join(','), close: () => kafka.close() }
  },
  rabbitmq: async () => {
    const docker = await inDocker('rabbitmq')
    const address = `amqp://guest:guest@127.0.0.1:${docker?.port}`
    if (docker !== undefined) return { address, close: docker.close }
    const rabbitmq = await startRabbitmq()
    return { address: rabbitmq.url, close: () => rabbitmq.close() }
  },
  zipkin: async () => {
    const zipkin = await startZipkin()
    return { address: zipkin.url, close: () => zipkin.close() }
  },
}

async function inDocker(service: 'kafka' | 'rabbitmq') {
  return (await dockerAnswers()) ? startInDocker(service) : undefined
}

/** The servers of one run, each started when it is first asked for. */
export class TestServers {
  readonly #running = new Map<ServerName, Promise<Running>>()
  readonly #folder: string
  readonly #server: Server
  #closed = false

  private constructor(folder: string) {
    this.#folder = folder
    this.#server = createServer((socket) => this.#serve(socket))
  }

  /** Listens for workers. */
  static async open(): Promise<TestServers> {
    const servers = new TestServers(await mkdtemp(join(tmpdir(), 'roomway-servers-')))
    await new Promise<void>((resolve) => servers.#server.listen(servers.address, resolve))
    return servers
  }

  /** Path of a Unix socket. */
  get address(): string {
    return join(this.#folder, 'socket')
  }

  /** Stops whatever was started. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await new Promise((resolve) => this.#server.close(resolve))
    const started = await Promise.allSettled(this.#running.values())
    await Promise.all(started.flatMap((result) => (result.status === 'fulfilled' ? [result.value.close()] : [])))
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** One request a connection: the server's name on a line, answered by JSON. */
  #serve(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    createInterface({ input: socket }).once('line', (name) => {
      void this.#answer(name as ServerName).then((answer) => socket.end(JSON.stringify(answer)))
    })
  }

  async #answer(name: ServerName): Promise<Answer> {
    const known = this.#running.get(name)
    const running = known ?? START[name]()
    if (known === undefined) this.#running.set(name, running)
    try {
      return { address: (await running).address }
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) }
    }
  }
}

/** Asks the {@link TestServers} of this run for the address of a server. */
export async function askForServer(name: ServerName): Promise<string> {
  const path = process.env[SERVERS_VARIABLE]
  if (path === undefined)
    throw new Error(`No ${name} for this test: run it with "npm test" or "npm run jest", or name one`)
  const answer = JSON.parse(await request(path, name)) as Answer
  if ('error' in answer) throw new Error(`This run has no ${name}: ${answer.error}`)
  return answer.address
}

function request(path: string, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(`${line}\n`))
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    socket.once('end', () => resolve(text))
    socket.once('error', reject)
  })
}
