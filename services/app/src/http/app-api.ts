import type { Broker, Logger } from '@roomway/broker'
import { type Config, isLoopback } from '@roomway/config'
import type { RoomRule } from '@roomway/records'
import { offTracer, type Tracer } from '@roomway/telemetry'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { RoomHistoryOptions } from '../history/room-history.js'
import { type Api, addApi } from './api.js'
import { DeadLettersDesk } from './dead/dead-letters-desk.js'
import { addDeadRoutes } from './dead/dead-routes.js'
import { addHealthRoutes } from './health-routes.js'
import { addHistoryRoutes } from './history/history-routes.js'
import { type AskJoin, JoinPermission } from './history/join-permission.js'
import type { Routes } from './http-server.js'
import { PublishClaims } from './idempotency/publish-claims.js'
import { CommandDoor } from './publish/command-door.js'
import { EventEnds } from './publish/event-ends.js'
import { addPublishRoutes } from './publish/publish-routes.js'
import { PublishSpans } from './publish/publish-spans.js'
import { Publisher } from './publish/publisher.js'
import { RequestGuard } from './request-guard.js'

export interface AppApiOptions {
  readonly broker: Broker
  readonly config: Config
  readonly logger: Logger
  readonly history: RoomHistoryOptions
  /** Of the application: which rooms it is asked about before their past is read. */
  readonly rules: readonly RoomRule[]
  readonly askJoin: AskJoin
  /** Why the tier is not ready. */
  readonly unready: () => readonly string[]
  /** Default: records nothing. */
  readonly tracer?: Tracer
}

/** What the endpoints of the application port stand on. */
export interface AppApi {
  readonly routes: Routes
  /** Why the API is not ready; empty where it is. */
  unready(): readonly string[]
  /** Writes and reads nothing more; close the server first. Idempotent. */
  close(): Promise<void>
}

/** After this long an answer is given, whatever the broker does. */
const answerMs = 10_000
const maxQueuedBytes = 32 * 1024 * 1024
const maxReaders = 16

export async function openAppApi(options: AppApiOptions): Promise<AppApi> {
  const { config, logger, history, rules, askJoin } = options
  const { claims, publisher, desk, close } = await openServices(options)
  const limiter = new RateLimiterMemory({ points: config.limits.maxHttpEventsPerSecond, duration: 1 })
  const guard = new RequestGuard(config.auth, limiter)
  const permission = new JoinPermission(rules, askJoin)
  const unready = () => (claims.isReady ? [] : ['idempotency keys are being read back'])
  const routes = [
    (api: Api) => addPublishRoutes(api, { guard, publisher }),
    (api: Api) => addHistoryRoutes(api, { guard, permission, history, maxReaders, answerMs }),
    (api: Api) => addDeadRoutes(api, { desk, adminToken: config.adminToken }),
    (api: Api) => addHealthRoutes(api, () => [...options.unready(), ...unready()]),
  ]
  const { auth, allowedOrigins, host } = config
  const origins = { anonymous: auth.kind === 'none', allowedOrigins, isLocal: isLoopback(host) }
  claims.open()
  return { routes: (server) => void server.register((api) => addApi(api, { origins, logger, routes })), unready, close }
}

/** What publishes, and what deals with dead letters. */
async function openServices({ broker, config, logger, history, tracer = offTracer }: AppApiOptions) {
  const { events, directory } = history
  const [commands, intake, dead, control] = await Promise.all([
    broker.log('commands'),
    broker.log('intake'),
    broker.log('dead'),
    broker.log('control'),
  ])
  const ends = new EventEnds(events)
  const door = new CommandDoor({ commands, directory, logger, maxQueuedBytes, answerMs })
  const claims = new PublishClaims({ control, logger, giveUpAfterMs: answerMs / 2 })
  const spans = new PublishSpans(tracer, `${config.prefix}.commands`)
  const { maxPayloadBytes } = config.limits
  const publisher = new Publisher({ events, directory, door, ends, claims, spans, maxPayloadBytes, answerMs })
  const desk = new DeadLettersDesk({ dead, intake, commands, directory, ends, logger, answerMs })
  const close = async () => {
    await Promise.all([claims.close(), desk.close(), door.close()])
  }
  return { claims, publisher, desk, close }
}
