export type {
  AnswerOf,
  AnyEvents,
  App,
  EventSchemas,
  ParamsOf,
  ParsedEvents,
  RoomTypes,
  SentEvents,
} from './app-types.js'
export {
  type Application,
  type JoinRequest,
  plainApplication,
  type RoomLog,
  type Snapshot,
  type Verdict,
} from './application.js'
export type {
  AuthorizeContext,
  EmitOptions,
  PublishContext,
  PublishedEvent,
  SnapshotContext,
  SnapshotResult,
} from './contexts.js'
export {
  acceptUnchanged,
  type CommandRun,
  type Decision,
  type Emission,
  type Handle,
  type HandlerRun,
} from './decision.js'
export { defineApp, isApplication, type RoomTypesOf } from './define-app.js'
export { DefinitionError } from './definition-faults.js'
export { type FoldedEvent, type FoldOptions, fold } from './fold.js'
export type { Answers, SnapshotAnswer } from './questions.js'
export type { RoomChoice, RoomDefinition } from './room-definition.js'
