import { compilePatterns, type Identity, type RoomMatcher } from '@roomway/auth'
import type { JoinRequest, Verdict } from '@roomway/handlers'
import type { RoomRule } from '@roomway/records'
import { Problem } from '../problem.js'

/** Asks the application; rejects where it has no answer. */
export type AskJoin = (request: JoinRequest, signal: AbortSignal) => Promise<Verdict>

/** Who may join a room may read its past: the token's claim decides, and the application where the room's rule says that it is asked. */
export class JoinPermission {
  readonly #rules: readonly { readonly matches: RoomMatcher; readonly asksJoin: boolean }[]
  readonly #ask: AskJoin

  constructor(rules: readonly RoomRule[], ask: AskJoin) {
    this.#rules = rules.map(({ pattern, asksJoin }) => ({ matches: compilePatterns([pattern], ''), asksJoin }))
    this.#ask = ask
  }

  /** @throws Problem where it is not allowed, or nobody can say. */
  async check({ grants, user }: Identity, room: string, signal: AbortSignal): Promise<void> {
    if (!grants.mayJoin(room)) throw new Problem('forbidden', 'the token does not allow to join this room')
    if (this.#rules.find(({ matches }) => matches(room))?.asksJoin !== true) return
    const verdict = await this.#ask({ room, user }, signal).catch(noAnswer)
    if (verdict.type === 'refuse') throw new Problem(verdict.code, verdict.message)
  }
}

function noAnswer(cause: unknown): never {
  throw new Problem('unavailable', 'the application does not say who may join this room', { cause })
}
