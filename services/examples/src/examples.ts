import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Logger } from '@roomway/broker'
import { type FastifyInstance, fastify } from 'fastify'
import type { Publish } from './event-publisher.js'
import { startHostMetrics } from './host-metrics/host-metrics.js'

export interface ExamplesOptions {
  /** Where the pages find the gateway: `ws://host:port/v1/ws`. A loopback address is told to a page as the host that served it. */
  readonly gatewayUrl: string
  /** 0 takes a free one. */
  readonly port: number
  readonly host: string
  readonly logger: Logger
  /** How host metrics are published. Undefined: they are not, and another process may do it. */
  readonly publish?: Publish
  /** Folder of the built pages. Default: this package's own. */
  readonly pagesDir?: string
}

export interface Examples {
  readonly port: number
  /** Idempotent. */
  close(): Promise<void>
}

const defaultPagesDir = fileURLToPath(new URL('../dist/pages/', import.meta.url))

/** Every file of the pages and the path it is served at; nothing else is ever read from the folder. */
const files: ReadonlyMap<string, string> = new Map([
  ['/', 'index.html'],
  ['/host-metrics', 'host-metrics.html'],
  ['/chat', 'chat.html'],
  ...['overview.js', 'host-metrics.js', 'chat.js', 'style.css', 'icon.svg'].map((name) => [`/${name}`, name] as const),
])

const contentTypes = { html: 'text/html', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' } as const

/** Pages load nothing from elsewhere and are framed by nobody; the gateway is on another port, maybe another host. */
const securityHeaders = {
  'content-security-policy':
    "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
}

/**
 * Serves the example pages (an overview, host metrics, a chat) and publishes this machine's figures.
 * @throws where the port is taken or the pages are not built.
 */
export async function startExamples(options: ExamplesOptions): Promise<Examples> {
  const server = fastify({ forceCloseConnections: true })
  const pagesDir = options.pagesDir ?? defaultPagesDir
  await requirePages(pagesDir)
  server.addHook('onSend', async (_request, reply) => void reply.headers(securityHeaders))
  server.get('/config.json', async () => ({ gatewayUrl: options.gatewayUrl }))
  for (const [path, file] of files) servePage(server, path, pagesDir, file)
  await server.listen({ host: options.host, port: options.port })
  const { publish, logger } = options
  const metrics = publish === undefined ? undefined : startHostMetrics({ publish, logger })
  return { port: portOf(server), close: once(() => Promise.all([metrics?.close(), server.close()])) }
}

function servePage(server: FastifyInstance, path: string, pagesDir: string, file: string): void {
  const contentType = `${contentTypes[file.split('.').at(-1) as keyof typeof contentTypes]}; charset=utf-8`
  server.get(path, (_request, reply) => reply.type(contentType).send(createReadStream(`${pagesDir}/${file}`)))
}

async function requirePages(pagesDir: string): Promise<void> {
  try {
    await stat(`${pagesDir}/index.html`)
  } catch (cause) {
    throw new Error(`the example pages are not built: ${pagesDir} holds none. Run: npm run build`, { cause })
  }
}

function portOf(server: FastifyInstance): number {
  const address = server.server.address()
  if (address === null || typeof address === 'string') throw new Error('the examples have no TCP port')
  return address.port
}

function once(close: () => Promise<unknown>): () => Promise<void> {
  let closing: Promise<void> | undefined
  return () => {
    closing ??= close().then(() => undefined)
    return closing
  }
}
