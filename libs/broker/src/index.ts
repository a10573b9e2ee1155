export type { Broker, BrokerOptions, Diagnosis, Logger, LogName } from './broker.js'
export { AppendError, PositionError } from './errors.js'
export type { Lease, LeaseObserver } from './lease.js'
export type {
  AppendRecord,
  Batch,
  BrokerRecord,
  Log,
  ReadableLog,
  RecordHeaders,
  ResetReason,
  Tail,
  TailObserver,
} from './log.js'
export type { SourceDefinition, SourceLog, SourceOrigin } from './source.js'
