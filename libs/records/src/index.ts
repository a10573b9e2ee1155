export { type Answer, type AnswerEvent, decodeAnswer, encodeAnswer } from './answer.js'
export { type Checkpoint, checkpointRecord, findCheckpoint } from './checkpoint.js'
export { type CloudEvent, cloudEventOf } from './cloud-event.js'
export { type Command, commandKey, commandRecord, parseCommand } from './command.js'
export { type DeadOrigin, deadRecord, maxDeadValueBytes } from './dead-letter.js'
export { type DeadNote, deadNoteRecord, parseDeadNote } from './dead-note.js'
export { deploymentKey } from './deployment-key.js'
export { DuplicateIndex, lookbackOffsets } from './duplicate-index.js'
export { type Effect, effectOf, effectTypeOf } from './effect.js'
export * from './envelope.js'
export {
  type EventReader,
  type EventReaderOptions,
  openEventReader,
  placeHead,
  placeId,
  type ReadEvent,
  type RoomEvent,
} from './event-reader.js'
export { outcomeCounts } from './first-outcome.js'
export { forwardDoor, forwardOf, isForward } from './forward.js'
export { homeOf } from './home.js'
export {
  answerRecord,
  eventRecord,
  maxHeaderReplyBytes,
  type Outcome,
  outcomeHeaders,
  outcomeKey,
  parseSeen,
  rejectionRecord,
  type ShownEvent,
} from './outcome.js'
export {
  findRecentOutcomes,
  type RecentOutcomeSearch,
  repeatSpanMs,
} from './outcome-search.js'
export { type MakeOutcome, OutcomeWriter, type OutcomeWriterOptions } from './outcome-writer.js'
export { type DeadLetter, parseDeadLetter } from './parsed-dead-letter.js'
export { isJsonContentType, payloadFault, type SetAsideReason } from './payload.js'
export { headersFit, maxHeaderChars, maxValueBytes } from './record-limits.js'
export { type MakeRecord, RecordWriter, type RecordWriterOptions } from './record-writer.js'
export { RoomDirectory } from './room-directory.js'
export { parseRoomRules, type RoomRule, roomRulesRecord } from './room-rules.js'
