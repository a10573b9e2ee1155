export {
  type Application,
  type JoinRequest,
  plainApplication,
  type RoomLog,
  type Snapshot,
  type Verdict,
} from './application.js'
export { acceptUnchanged, type Decision, type Emission, type Handle, type HandlerRun } from './decision.js'
export type { Answers, SnapshotAnswer } from './questions.js'
