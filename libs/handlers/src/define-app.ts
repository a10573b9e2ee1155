import type { Command } from '@roomway/records'
import type { AnswerOf, App, SentEvents } from './app-types.js'
import type { Application, JoinRequest, RoomLog, Snapshot, Verdict } from './application.js'
import type { CommandRun, Decision, HandlerRun } from './decision.js'
import { DefinitionError, definitionFaults } from './definition-faults.js'
import type { AnyRoomDefinition, RoomChoice } from './room-definition.js'
import { RoomHandler } from './room-handler.js'
import type { RoomParams } from './room-pattern.js'

/** The rooms of an application as `connect<typeof app>` sees them. */
export type RoomTypesOf<Schemas, Publishes> = {
  readonly [Pattern in keyof Schemas]: {
    readonly events: SentEvents<Schemas[Pattern]>
    readonly answer: Pattern extends keyof Publishes ? AnswerOf<Publishes[Pattern]> : null
  }
}

/**
 * An application from what is to happen in its rooms, by pattern: `{ 'chat:{id}': { events, authorize, publish, snapshot }, 'cursor:*': 'direct' }`.
 * The first pattern that matches a room is the room's. A room without one is accepted unchanged.
 * @throws DefinitionError that lists all that cannot be meant.
 */
export function defineApp<Schemas, Publishes>(
  rooms: { readonly [Pattern in keyof Schemas]: RoomChoice<Pattern & string, Schemas[Pattern]> } & {
    // Beside the first, to infer what `publish` returns.
    readonly [Pattern in keyof Publishes]: { readonly publish?: Publishes[Pattern] } | 'direct'
  },
): App<RoomTypesOf<Schemas, Publishes>> {
  const faults = definitionFaults(rooms)
  if (faults.length > 0) throw new DefinitionError(faults)
  const choices = Object.entries(rooms) as [string, AnyRoomDefinition | 'direct'][]
  return new DefinedApplication(choices.map(([pattern, choice]) => new RoomHandler(pattern, choice)))
}

class DefinedApplication implements Application {
  readonly #handlers: readonly RoomHandler[]

  constructor(handlers: readonly RoomHandler[]) {
    this.#handlers = handlers
  }

  get rules() {
    return this.#handlers.map(({ rule }) => rule)
  }

  readonly decide = (command: Command, run: CommandRun): Decision | Promise<Decision> => {
    const found = this.#find(command.room)
    return found === undefined ? { type: 'accept' } : found.handler.decide(command, found.params, run)
  }

  async authorizeJoin(request: JoinRequest, run: HandlerRun): Promise<Verdict> {
    const found = this.#find(request.room)
    return found === undefined ? { type: 'allow' } : found.handler.authorizeJoin(request, found.params, run)
  }

  async snapshot(request: JoinRequest, log: RoomLog, run: HandlerRun): Promise<Snapshot | undefined> {
    const found = this.#find(request.room)
    return found?.handler.snapshot(request, found.params, log, run)
  }

  deadlineMs(room: string): number | undefined {
    return this.#find(room)?.handler.deadlineMs
  }

  #find(room: string): { readonly handler: RoomHandler; readonly params: RoomParams } | undefined {
    for (const handler of this.#handlers) {
      const params = handler.match(room)
      if (params !== undefined) return { handler, params }
    }
    return undefined
  }
}

/** Whether a value, a module's default export say, is an application. */
export function isApplication(value: unknown): value is Application {
  const application = value as Partial<Application> | null | undefined
  return (
    typeof application === 'object' &&
    Array.isArray(application?.rules) &&
    typeof application.decide === 'function' &&
    typeof application.authorizeJoin === 'function' &&
    typeof application.snapshot === 'function'
  )
}
