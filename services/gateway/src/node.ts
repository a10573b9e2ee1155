/* The parts of a node and how they are joined: the record's walk (tail, window, room, encoder, transport) and the frame's (transport, connection, room or command, log). */
import { type Authenticator, createQuestionTokens, createResumeTokens } from '@roomway/auth'
import type { Log, ResetReason } from '@roomway/broker'
import { jsonCodec } from '@roomway/protocol/json'
import { msgpackCodec } from '@roomway/protocol/msgpack'
import { deploymentKey, repeatSpanMs } from '@roomway/records'
import { HttpApplication } from './application/http-application.js'
import { Questions } from './application/questions.js'
import { CommandWriter } from './commands/command-writer.js'
import { DirectPublishes } from './commands/direct-publishes.js'
import { Admission } from './connection/admission.js'
import type { Connection } from './connection/connection.js'
import { FrameRouter } from './connection/frame-router.js'
import { Gate } from './connection/gate.js'
import { JoinLimit } from './connection/join-limit.js'
import { Memberships } from './connection/memberships.js'
import { Publish } from './connection/publish.js'
import { Reauthentication } from './connection/reauthentication.js'
import { Reception } from './connection/reception.js'
import { Resume } from './connection/resume.js'
import { Sessions } from './connection/sessions.js'
import type { GatewayOptions } from './gateway.js'
import { EventsTail } from './log/events-tail.js'
import { LogEnds } from './log/log-ends.js'
import { OffsetClock } from './log/offset-clock.js'
import { ReplayPool } from './log/replay/replay-pool.js'
import { RoomRules } from './log/room-rules.js'
import { SessionClaims } from './log/session-claims.js'
import { Counters } from './operations/counters.js'
import { LogLag } from './operations/log-lag.js'
import type { Tracing } from './operations/tracing.js'
import { CatchUp } from './rooms/catch-up.js'
import { FanOut } from './rooms/fan-out.js'
import { Rooms } from './rooms/rooms.js'
import { SlowSweep } from './rooms/slow-sweep.js'
import { Upkeep } from './rooms/upkeep.js'
import { Turns } from './turns/turns.js'

export interface Logs {
  readonly events: Log
  readonly commands: Log
  readonly control: Log
  readonly meta: Log
}

const codecs = { json: jsonCodec, msgpack: msgpackCodec }
const windowFillOffsets = 8_192
const maxScans = 4
const replayGatherMs = 15
const maxQueuedCommandBytes = 32 * 1024 * 1024
const maxPendingDirectBytes = 32 * 1024 * 1024
const authTimeoutMs = 10_000
/** Rooms that a connection may ask for in five seconds, or three times as many as it may be in: all by `resume`, and twice again where the log was away. */
const leastJoins = 2_000

/** Everything of a node but its listeners. */
export class Node {
  readonly counters = new Counters()
  readonly sessions = new Sessions()
  readonly rooms = new Rooms()
  readonly fanOut: FanOut
  readonly tail: EventsTail
  readonly lag: LogLag
  readonly catchUp: CatchUp
  readonly memberships: Memberships
  readonly rules: RoomRules
  readonly direct: DirectPublishes
  readonly questions: Questions
  readonly admission: Admission
  readonly reception: Reception
  readonly upkeep: Upkeep
  readonly #options: GatewayOptions
  readonly #logs: Logs
  readonly #writer: CommandWriter
  readonly #claims: SessionClaims
  readonly #clock: OffsetClock
  readonly #turns = new Turns()
  #replays: ReplayPool
  #closedScans = 0
  #clockTimer: NodeJS.Timeout | undefined

  static async create(options: GatewayOptions, authenticator: Authenticator, tracing: Tracing): Promise<Node> {
    const { broker, config } = options
    const [events, commands, control, meta] = await Promise.all([
      broker.log('events'),
      broker.log('commands'),
      broker.log('control'),
      broker.log('meta'),
    ])
    const key = await deploymentKey(meta, config.sessionSecret)
    return new Node(options, { events, commands, control, meta }, authenticator, key, tracing)
  }

  private constructor(
    options: GatewayOptions,
    logs: Logs,
    authenticator: Authenticator,
    key: Uint8Array,
    tracing: Tracing,
  ) {
    const { config, logger } = options
    const { counters, sessions, rooms } = this
    this.#options = options
    this.#logs = logs
    const spanMs = repeatSpanMs(config.resumeMs)
    this.#clock = new OffsetClock(spanMs)
    this.#writer = new CommandWriter({ log: logs.commands, logger, maxQueuedBytes: maxQueuedCommandBytes })
    this.#claims = new SessionClaims({ log: logs.control, logger, find: (session) => sessions.get(session) })
    this.tail = this.#createTail()
    this.lag = new LogLag(logs.events, () => this.tail.windows())
    this.direct = new DirectPublishes({
      log: logs.events,
      logger,
      tail: this.tail,
      maxPendingBytes: maxPendingDirectBytes,
      repeatSpanMs: spanMs,
      onRewrite: () => counters.outcomeRewrites++,
    })
    this.#replays = this.#createReplays()
    const { softBufferBytes, hardBufferBytes } = config.limits
    this.catchUp = new CatchUp({
      softLimitBytes: softBufferBytes,
      replay: (membership) => this.#replays.request(membership),
      turns: this.#turns,
      now: () => performance.now(),
    })
    const sweep = new SlowSweep({
      catchUp: this.catchUp,
      softLimitBytes: softBufferBytes,
      hardLimitBytes: hardBufferBytes,
    })
    this.fanOut = new FanOut({ rooms, sessions, counters, tracing, sweep })
    this.memberships = this.#createMemberships()
    this.rules = new RoomRules({ log: logs.meta, logger })
    this.questions = this.#createQuestions(key)
    const { memberships, rules, questions, tail } = this
    this.admission = new Admission({ memberships, rules, questions, tail, softLimitBytes: softBufferBytes })
    this.upkeep = new Upkeep({
      rooms,
      sessions,
      tail: this.tail,
      fanOut: this.fanOut,
      pending: () => [...this.direct.partitions(), ...this.admission.partitions()],
      codecs,
    })
    this.reception = this.#createReception(authenticator, key, tracing)
  }

  /** Scans of the log for positions below the windows. */
  get scansTotal(): number {
    return this.#closedScans + this.#replays.scansTotal
  }

  /** Connections in rooms that wait for such a scan to begin. */
  get waitingReplays(): number {
    return this.#replays.waiting
  }

  /** Why the node should get no new clients; empty when it may. */
  unready(): readonly string[] {
    return [...this.tail.unready(), ...this.rules.unready()]
  }

  /** Fills the windows and begins to follow the logs. */
  async open(): Promise<void> {
    await Promise.all([this.tail.open(), this.#claims.open(), this.rules.open()])
    this.upkeep.open()
    this.#clockTimer = setInterval(() => this.#clock.tick(this.tail.windows()), 1_000).unref()
  }

  /** A connection's socket has room again: what waited for it goes on. */
  drained(connection: Connection): void {
    if (connection.socket.bufferedBytes() > this.#options.config.limits.softBufferBytes / 2) return
    for (const membership of connection.takeDraining()) this.catchUp.drained(membership)
    this.admission.drained(connection)
  }

  async close(): Promise<void> {
    clearInterval(this.#clockTimer)
    this.upkeep.close()
    this.#replays.close()
    this.#writer.close()
    this.questions.close()
    this.direct.close()
    await Promise.all([this.tail.close(), this.#claims.close(), this.rules.close()])
  }

  #createTail(): EventsTail {
    const { config, logger } = this.#options
    return new EventsTail({
      log: this.#logs.events,
      logger,
      follow: config.follow,
      windowMaxBytes: config.recentWindow.maxBytes,
      windowMaxAgeMs: config.recentWindow.maxAgeMs,
      windowFillOffsets,
      onOutcome: (outcome, record) => this.direct.onOutcome(outcome, record),
      knownHome: (room, epoch) => this.rooms.home(room, epoch),
      onEvent: (event, window, readAtMs) => this.fanOut.take(event, window, readAtMs),
      onSetAside: (reason) => this.counters.noteSetAside(reason),
      onReset: (reason, partitions) => this.#reset(reason, partitions),
    })
  }

  #reset(reason: ResetReason, partitions: ReadonlySet<number>): void {
    this.#clock.clear()
    if (partitions.size === this.tail.windows().length) {
      this.#replays.close()
      this.#closedScans += this.#replays.scansTotal
      this.#replays = this.#createReplays()
    }
    for (const connection of this.sessions.all()) this.memberships.resetSession(connection, reason, partitions)
    for (const room of this.rooms.all()) this.memberships.reset(room, reason)
    this.direct.reset(partitions)
  }

  #createReplays(): ReplayPool {
    const { config, logger } = this.#options
    return new ReplayPool({
      log: this.#logs.events,
      epoch: this.tail.epoch,
      directory: this.tail.directory,
      maxScans,
      softLimitBytes: config.limits.softBufferBytes,
      turns: this.#turns,
      gatherMs: this.#options.replayGatherMs ?? replayGatherMs,
      onDone: (membership) => this.catchUp.resume(membership),
      onReset: (membership, reason) => this.memberships.goOnFromHere(membership, reason),
      onFault: (error) => logger.warn({ err: error }, 'a replay failed and will be tried again'),
    })
  }

  #createMemberships(): Memberships {
    const { config } = this.#options
    const { tail, rooms, catchUp } = this
    const ends = new LogEnds({ end: (partition) => this.#logs.events.end(partition) })
    return new Memberships({
      tail,
      rooms,
      catchUp,
      maxRooms: config.limits.maxRoomsPerConnection,
      end: (partition) => ends.of(partition),
    })
  }

  #createQuestions(key: Uint8Array): Questions {
    const { config, logger } = this.#options
    const { appUrl: url, limits } = config
    const { maxSnapshotBytes } = limits
    const application =
      this.#options.application ?? new HttpApplication({ url, tokens: createQuestionTokens(key), maxSnapshotBytes })
    return new Questions({ application, counters: this.counters, logger })
  }

  #createReception(authenticator: Authenticator, key: Uint8Array, tracing: Tracing): Reception {
    const { config } = this.#options
    const { tail, sessions, memberships, admission, counters } = this
    const {
      maxPayloadBytes,
      maxRoomsPerConnection: maxRooms,
      maxPublishesPerSecond: publishesPerSecond,
    } = config.limits
    const tokens = createResumeTokens(key)
    const publish = new Publish({
      tail,
      rules: this.rules,
      direct: this.direct,
      writer: this.#writer,
      clock: this.#clock,
      maxPayloadBytes,
      publishesPerSecond,
      tracing,
    })
    const resume = new Resume({ tokens, sessions, memberships, admission, claims: this.#claims, tail })
    const router = new FrameRouter({
      admission,
      resume,
      publish,
      reauthentication: new Reauthentication({ authenticator, memberships, sessions }),
      gate: tail.followsAll ? undefined : new Gate({ tail, tokens }),
      joins: new JoinLimit({ most: Math.max(leastJoins, 3 * maxRooms) }),
    })
    const { node, resumeMs, heartbeatMs } = config
    const welcome = { node, resumeMs, heartbeatMs, limits: { maxPayloadBytes, maxRooms, publishesPerSecond } }
    const needsToken = config.auth.kind !== 'none'
    return new Reception({
      authenticator,
      needsToken,
      codecs,
      tokens,
      tail,
      sessions,
      admission,
      router,
      counters,
      welcome,
      authTimeoutMs,
    })
  }
}
