import type { Logger } from '@roomway/broker'
import type { Command, RoomRule } from '@roomway/records'
import { Answer } from './answer.js'
import type { JoinRequest, RoomLog, Snapshot, Verdict } from './application.js'
import { encodeJson } from './content.js'
import type { AuthorizeContext, PublishContext, PublishedEvent, SnapshotResult } from './contexts.js'
import type { CommandRun, Decision, HandlerRun } from './decision.js'
import { type CheckedEvent, checkEvent } from './event-check.js'
import { consoleLogger, withFields } from './logging.js'
import { forbidden } from './rejection.js'
import type { AnyRoomDefinition } from './room-definition.js'
import { compilePattern, type RoomParams } from './room-pattern.js'

type Events = Record<string, unknown>
type Params = Record<string, string>

/** The rooms of one pattern. */
export class RoomHandler {
  readonly rule: RoomRule
  readonly match: (room: string) => RoomParams | undefined
  readonly deadlineMs: number | undefined
  readonly #definition: AnyRoomDefinition

  constructor(pattern: string, choice: AnyRoomDefinition | 'direct') {
    const { rule, match } = compilePattern(pattern)
    this.match = match
    this.#definition = choice === 'direct' ? {} : choice
    const { authorize, snapshot, deadlineMs } = this.#definition
    this.deadlineMs = deadlineMs
    this.rule = {
      pattern: rule,
      kind: choice === 'direct' ? 'direct' : 'handled',
      asksJoin: authorize !== undefined,
      hasSnapshot: snapshot !== undefined,
    }
  }

  /** At once where there is nothing to ask. */
  decide(command: Command, params: RoomParams, run: CommandRun): Decision | Promise<Decision> {
    const { events, authorize, publish } = this.#definition
    const isPlain = events === undefined && authorize === undefined && publish === undefined
    return isPlain ? { type: 'accept' } : this.#decide(command, params, run)
  }

  async #decide(command: Command, params: RoomParams, run: CommandRun): Promise<Decision> {
    const checked = await checkEvent(this.#definition.events, command)
    if ('rejected' in checked) return checked.rejected
    const base = contextOf(command, params, run, { commandId: run.commandId })
    return (await this.#refusal(command, checked, base, run)) ?? this.#publish(command, checked.event, base, run)
  }

  async authorizeJoin(request: JoinRequest, params: RoomParams, run: HandlerRun): Promise<Verdict> {
    const { authorize } = this.#definition
    if (authorize === undefined) return { type: 'allow' }
    const base = contextOf(request, params, run, {})
    const refused = await ask(authorize, (reject) => ({ ...base, reject, action: 'join' }), request.room, run.signal)
    return refused === undefined ? { type: 'allow' } : { ...refused, type: 'refuse' }
  }

  async snapshot(
    request: JoinRequest,
    params: RoomParams,
    log: RoomLog,
    run: HandlerRun,
  ): Promise<Snapshot | undefined> {
    const answer = await this.#definition.snapshot?.({ ...contextOf(request, params, run, {}), log })
    return answer === undefined ? undefined : snapshotOf(answer, request.room)
  }

  async #refusal(
    command: Command,
    { event }: Extract<CheckedEvent, { event: unknown }>,
    base: Context,
    { commandId }: CommandRun,
  ) {
    const { authorize } = this.#definition
    if (authorize === undefined) return undefined
    const { room } = command
    const context = (reject: Answer['reject']) => ({ ...base, reject, action: 'publish' as const, event, commandId })
    return ask(authorize, context, room, base.signal)
  }

  async #publish(
    command: Command,
    event: PublishedEvent<Events>,
    base: Context,
    { attempt, commandId, signal }: CommandRun,
  ): Promise<Decision> {
    const { publish } = this.#definition
    if (publish === undefined) return { type: 'accept' }
    const answer = new Answer(command.room, signal)
    const { emit, to, reject } = answer
    const { traceparent } = command
    const context: PublishContext<Params, Events> = { ...base, commandId, traceparent, attempt, emit, to, reject }
    let returned: unknown
    try {
      returned = await publish(context, event)
    } catch (error) {
      return answer.fail(error)
    }
    return answer.end(returned)
  }
}

/** The refusal; undefined where `authorize` allows. */
async function ask(
  authorize: NonNullable<AnyRoomDefinition['authorize']>,
  context: (reject: Answer['reject']) => AuthorizeContext<Params, Events>,
  room: string,
  signal: AbortSignal,
): Promise<Extract<Decision, { type: 'reject' }> | undefined> {
  const answer = new Answer(room, signal)
  let isAllowed: unknown
  try {
    isAllowed = await authorize(context(answer.reject))
  } catch (error) {
    if (answer.rejected === undefined) throw error
  }
  // Whoever forgets to return something has not allowed anything.
  return answer.rejected ?? (isAllowed === true ? undefined : forbidden)
}

interface Context {
  readonly room: string
  readonly params: Params
  readonly user: string | undefined
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly deadlineMs: number
}

function contextOf({ room, user }: JoinRequest, params: Params, run: HandlerRun, fields: object): Context {
  const logger = withFields(run.logger ?? consoleLogger, { room, ...fields })
  return { room, params, user, logger, signal: run.signal, deadlineMs: run.deadlineMs }
}

function snapshotOf(answer: SnapshotResult, room: string): Snapshot {
  const { position } = answer
  const isPosition =
    typeof position?.epoch === 'string' && Number.isSafeInteger(position.offset) && position.offset >= -1
  if (!isPosition) throw new TypeError(`the snapshot of ${JSON.stringify(room)} states no position { epoch, offset }`)
  const data = 'json' in answer ? answer.json : encodeJson(answer.data, `the snapshot of ${JSON.stringify(room)}`)
  return { position: { epoch: position.epoch, offset: position.offset }, data }
}
