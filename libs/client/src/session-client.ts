import type {
  ClientFrame,
  Codec,
  ErrorFrame,
  JoinedFrame,
  ReplyFrame,
  ResetFrame,
  ResumedFrame,
  ServerFrame,
  WelcomeFrame,
} from '@roomway/protocol'
import { sessionRoom } from '@roomway/protocol'
import { jsonCodec } from '@roomway/protocol/json'
import type { Client, ClientListeners } from './client.js'
import { type Clock, systemClock } from './clock.js'
import { Emitter } from './emitter.js'
import { errorOf, RoomwayError } from './errors.js'
import type { JoinOptions, Published, PublishOptions, RequestOptions } from './events.js'
import { Link } from './link.js'
import { onOnline } from './online.js'
import type { Address, ClientOptions } from './options.js'
import { Publishing } from './publishing.js'
import type { Room } from './room.js'
import { type RoomFrame, Rooms } from './rooms.js'
import { Session } from './session.js'
import type { ClientState } from './state.js'
import { TokenRefresh } from './token-refresh.js'
import { webSocketConstructor } from './web-socket.js'

const closeDrainMs = 2000

/** Puts the parts together: what the link hears goes to the session, the rooms and the publishes. */
export class SessionClient implements Client {
  readonly #options: ClientOptions
  readonly #clock: Clock
  readonly #emitter = new Emitter<ClientListeners>()
  readonly #session = new Session()
  readonly #link: Link
  readonly #rooms: Rooms
  readonly #publishes: Publishing
  readonly #tokens: TokenRefresh
  #state: ClientState = { status: 'connecting', attempt: 0 }
  #resumeId: number | undefined
  #outcomeTimer: unknown
  #goawayTimer: unknown
  #lastError: RoomwayError | undefined
  #isClosing = false
  #closing: Promise<void> | undefined
  #isOpen = false
  readonly #stopWatching: () => void

  constructor(address: Address, options: ClientOptions) {
    const { codec = jsonCodec, clock = systemClock, random = Math.random } = options
    const { tokenIn = 'subprotocol', connectTimeoutMs = 10_000, maxPendingPublishes = 1000 } = options
    this.#options = options
    this.#clock = clock
    const webSocket = webSocketConstructor(options.webSocket)
    this.#link = new Link(
      { address, token: options.token, tokenIn, webSocket, codec, connectTimeoutMs, clock, random },
      {
        onConnecting: (attempt) => this.#enter({ status: 'connecting', attempt }),
        onOpen: (token) => this.#onOpen(token, tokenIn === 'frame'),
        onFrame: (frame) => this.#onFrame(frame),
        onDisconnected: () => this.#onDisconnected(),
        onWaiting: (attempt, delayMs, code, reason) =>
          this.#enter({ status: 'waiting', attempt, delayMs, code, reason }),
        onClosed: (code, reason) => this.#onClosed(code, reason),
        onFault: (error) => this.#emitter.emit('error', error),
      },
    )
    this.#tokens = new TokenRefresh(options.token, clock, {
      onToken: (token) => this.#authenticate(token),
      onFault: (error) => this.#emitter.emit('error', error),
    })
    this.#rooms = this.#makeRooms()
    this.#publishes = this.#makePublishes(codec, maxPendingPublishes)
    this.#stopWatching = onOnline(() => this.#link.connect())
    this.#link.connect()
  }

  get state(): ClientState {
    return this.#state
  }

  async join(room: string, options: JoinOptions = {}): Promise<Room> {
    this.#assertNotClosed(room)
    return this.#rooms.join(room, options)
  }

  room(name: string): Room | undefined {
    return this.#rooms.get(name)
  }

  async publish(room: string, event: string, data: unknown, options: PublishOptions = {}): Promise<Published> {
    this.#assertNotClosed(room)
    return this.#publishes.publish(room, event, data, options)
  }

  async request(room: string, event: string, data: unknown, options: RequestOptions = {}): Promise<unknown> {
    this.#assertNotClosed(room)
    return this.#publishes.request(room, event, data, options)
  }

  on<Name extends keyof ClientListeners>(name: Name, listener: (argument: ClientListeners[Name]) => void): () => void {
    return this.#emitter.on(name, listener)
  }

  close(): Promise<void> {
    this.#isClosing = true
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#stopWatching()
    if (this.#state.status === 'open') await this.#publishes.drained(closeDrainMs)
    await this.#link.close()
  }

  #assertNotClosed(room: string): void {
    if (this.#isClosing || this.#state.status === 'closed')
      throw new RoomwayError('closed', 'the client is closed', { room })
  }

  #enter(state: ClientState): void {
    this.#state = state
    this.#emitter.emit('state', state)
  }

  #onOpen(token: string | undefined, isToSend: boolean): void {
    this.#tokens.start(token)
    this.#authenticate(isToSend ? token : undefined)
  }

  /** Returns the id of the frame. */
  #authenticate(token: string | undefined): number {
    this.#lastError = undefined
    const id = this.#session.nextId()
    if (token !== undefined) this.#link.send({ type: 'auth', id, token })
    return id
  }

  #onFrame(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        return this.#onWelcome(frame)
      case 'resumed':
        return this.#onResumed(frame)
      case 'ack':
        if (!this.#publishes.onAck(frame.id)) this.#rooms.onLeaveAnswer(frame.id)
        return
      case 'reply':
        return this.#onReply(frame)
      case 'error':
        return this.#onError(frame)
      case 'expiring':
        return this.#tokens.onExpiring(frame.inMs)
      case 'goaway':
        this.#clock.clearTimeout(this.#goawayTimer)
        this.#goawayTimer = this.#clock.setTimeout(() => this.#link.move(), frame.afterMs)
        return
      default:
        if ('room' in frame) this.#onRoomFrame(frame)
    }
  }

  #onWelcome(frame: WelcomeFrame): void {
    this.#link.onWelcome(frame.heartbeatMs)
    this.#session.onWelcome(frame)
    const resumption = this.#session.resumption
    if (resumption === undefined) {
      this.#session.adopt()
      this.#open()
      return
    }
    const id = this.#session.nextId()
    this.#resumeId = id
    this.#enter({ status: 'resuming' })
    const rooms = { ...this.#rooms.resume(id, frame.limits.maxPayloadBytes), [sessionRoom]: resumption.position }
    this.#link.send({ type: 'resume', id, token: resumption.token, rooms })
  }

  #onResumed(frame: ResumedFrame): void {
    if (frame.id !== this.#resumeId) return
    this.#session.onResumed(frame)
    if (!frame.recovered) this.#publishes.forget()
    this.#open()
  }

  /** What may be had later may be had on another connection: the session is kept for that. */
  #onResumeRefused({ temporary, message }: ErrorFrame): void {
    if (temporary) return this.#link.drop(message)
    this.#session.adopt()
    this.#publishes.forget()
    this.#open()
  }

  #open(): void {
    this.#clock.clearTimeout(this.#outcomeTimer)
    const resumeId = this.#resumeId
    this.#resumeId = undefined
    const welcome = this.#session.welcome
    this.#isOpen = true
    this.#rooms.joinIdle(resumeId)
    this.#publishes.open()
    this.#enter({ status: 'open', session: this.#session.id, user: welcome?.user, node: welcome?.node ?? '' })
  }

  #onReply(frame: ReplyFrame): void {
    if (!this.#session.isNews(frame.offset, frame.id) || this.#publishes.onReply(frame.id, frame.data)) return
    this.#emitter.emit('reply', { id: this.#eventId(frame.id), data: frame.data })
  }

  #onError(frame: ErrorFrame): void {
    if (frame.offset !== undefined && !this.#session.isNews(frame.offset, frame.id)) return
    const answersResume = frame.id !== undefined && frame.id === this.#resumeId
    if (answersResume && frame.room === undefined) return this.#onResumeRefused(frame)
    // The old session is not to be had; `resumed` says what that means.
    if (answersResume && frame.room === sessionRoom) return
    if (this.#publishes.onError(frame) || this.#rooms.onError(frame)) return
    if (frame.id !== undefined) this.#tokens.onError(frame.id)
    const isOfEvent = frame.id !== undefined && frame.offset !== undefined
    const error = errorOf(frame, isOfEvent ? this.#eventId(frame.id) : undefined)
    // What answers a frame, or stands in the log, is no reason to close.
    if (frame.id === undefined && frame.offset === undefined) this.#lastError = error
    this.#emitter.emit('error', error)
  }

  #onRoomFrame(frame: RoomFrame): void {
    if (frame.type === 'joined' || frame.type === 'reset') this.#session.onEpoch(frame.epoch)
    if (frame.room !== sessionRoom) this.#rooms.onFrame(frame)
    else if (frame.type === 'joined' || frame.type === 'reset') this.#onOwnPosition(frame)
    else if (frame.type === 'progress') this.#session.isNews(frame.offset)
  }

  #onOwnPosition(frame: JoinedFrame | ResetFrame): void {
    this.#session.onPosition(frame)
    if (frame.type === 'reset' || frame.recovered === false) this.#publishes.onSessionReset()
  }

  #eventId(id: number): string {
    return `${this.#session.id}:${id}`
  }

  #onDisconnected(): void {
    const wasOpen = this.#isOpen
    this.#isOpen = false
    this.#resumeId = undefined
    this.#clock.clearTimeout(this.#goawayTimer)
    this.#tokens.stop()
    this.#rooms.onDisconnect()
    this.#publishes.onDisconnect()
    const { resumeMs } = this.#session.welcome ?? {}
    if (!wasOpen || resumeMs === undefined) return
    this.#clock.clearTimeout(this.#outcomeTimer)
    this.#outcomeTimer = this.#clock.setTimeout(() => this.#publishes.forget(), resumeMs)
  }

  #onClosed(code: number, reason: string): void {
    this.#clock.clearTimeout(this.#outcomeTimer)
    this.#stopWatching()
    const finality = `the server closed the connection for good: ${code} ${reason}`
    const error = this.#isClosing ? undefined : (this.#lastError ?? new RoomwayError('closed', finality))
    // Before any listener hears of it: what one publishes then would be kept for a connection that never comes.
    this.#state = { status: 'closed', code, reason, error }
    this.#publishes.close()
    this.#rooms.close(error)
    this.#enter(this.#state)
  }

  #makeRooms(): Rooms {
    const { maxBufferedEvents = 1000, trace } = this.#options
    const session = this.#session
    const wire = {
      isOpen: () => this.#isOpen,
      epoch: () => session.epoch,
      nextId: () => session.nextId(),
      send: (frame: ClientFrame) => this.#link.send(frame),
    }
    return new Rooms(wire, this.#clock, {
      maxBufferedEvents,
      trace,
      isOwn: (eventId) => session.isOwn(eventId),
      publish: (room, event, data, options) => this.publish(room, event, data, options),
      request: (room, event, data, options) => this.request(room, event, data, options),
    })
  }

  #makePublishes(codec: Codec, capacity: number): Publishing {
    const session = this.#session
    const wire = {
      epoch: () => session.epoch,
      sessionId: () => session.id,
      nextId: () => session.nextId(),
      sendEncoded: (message: string | Uint8Array) => this.#link.sendEncoded(message),
      positionOf: (room: string) => this.#rooms.positionOf(room),
      maxPayloadBytes: () => session.welcome?.limits.maxPayloadBytes ?? Number.POSITIVE_INFINITY,
      publishesPerSecond: () => session.welcome?.limits.publishesPerSecond ?? Number.MAX_SAFE_INTEGER,
      resumeMs: () => session.welcome?.resumeMs ?? Number.POSITIVE_INFINITY,
    }
    const { traceparent } = this.#options
    return new Publishing(wire, { codec, clock: this.#clock, capacity, traceparent })
  }
}
