import type { AppendRecord, BrokerRecord, Log, ReadableLog } from '@roomway/broker'
import type { Checkpoint, DeadOrigin, RoomDirectory } from '@roomway/records'

/** What becomes of a record: its copy in the home of a room, a dead letter, or nothing. */
export type MoveVerdict =
  | { readonly type: 'copy'; readonly record: AppendRecord }
  | { readonly type: 'refuse'; readonly reason: string }
  | { readonly type: 'pass' }

/** A log whose records are copied, in order, to the homes of their rooms: the intake, or a source. */
export interface MovedLog {
  /** For people: `intake`, `source orders`. */
  readonly name: string
  readonly log: ReadableLog
  /** Of dead letters. */
  readonly deadLog: DeadOrigin['log']
  /** Roomway's own records in it: no progress is made by them. */
  readonly isOwn: (record: Pick<BrokerRecord, 'key'>) => boolean
  /** `end` may be too low, so that it does not prove that nothing waits. */
  readonly endIsGuessed: boolean
  /** A record with this header is a repeat where another with the same value stands in the 8,192 offsets below it. */
  readonly repeatHeader: string | undefined
  /** Where a record stands, as its copy says it (`roomway-source`); ends with the offset. */
  placeOf(epoch: string, partition: number, offset: number): string
  /** The copy's value is the record's, borrowed. Never throws. */
  judge(record: BrokerRecord, epoch: string, directory: RoomDirectory): MoveVerdict
  progressOf(partition: number): Progress
  readonly tally: MoveTally
}

/** Where the next mover goes on. */
export interface Resumption {
  readonly from: number
  /** Undefined: nothing was moved, and the first checkpoint is to be written before anything is. */
  readonly checkpoint: Checkpoint | undefined
  /** Of a record below `from`, as the checkpoint had it. */
  readonly mark?: Mark | undefined
}

/** How far a partition was moved, as it is kept. */
export interface Progress {
  /** Where checkpoints are written to. */
  readonly log: Log
  /** A checkpoint is written again when it is this old, so that retention does not overtake it. Undefined: it need not. */
  readonly refreshMs: number | undefined
  find(): Promise<Resumption>
  /** @param mark of the last record handled, where `markOf` is defined. */
  record(checkpoint: Checkpoint, mark: Mark | undefined): AppendRecord
  /** A text by which the record is known again, where the log's epoch does not tell two incarnations apart. */
  readonly markOf?: ((record: BrokerRecord) => string) | undefined
}

export interface Mark {
  readonly offset: number
  readonly text: string
}

/** Told what was moved. */
export interface MoveTally {
  moved(): void
  passed(): void
  refused(): void
  /** Records of the partition that wait, or undefined when it is no longer moved here. Undefined: nobody wants to know. */
  lag?(partition: number, records: number | undefined): void
}
