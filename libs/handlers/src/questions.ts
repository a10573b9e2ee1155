import type { ErrorCode } from '@roomway/protocol'
import type { JoinRequest, Snapshot, Verdict } from './application.js'

export type SnapshotAnswer =
  | ({ readonly type: 'snapshot' } & Snapshot)
  /** `unsupported`: the room has none. `too_large`: it has one that no client can be given. */
  | { readonly type: 'refuse'; readonly code: ErrorCode; readonly message: string }

/**
 * A running application, as gateways ask it. A question has no effect and is for one connection only, so it may be asked again, of any
 * instance. Rejects where there is no answer; what is answered is well-formed and within its bounds.
 */
export interface Answers {
  authorizeJoin(request: JoinRequest, signal: AbortSignal): Promise<Verdict>
  snapshot(request: JoinRequest, signal: AbortSignal): Promise<SnapshotAnswer>
}
