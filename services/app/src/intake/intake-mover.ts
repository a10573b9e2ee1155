import type { BrokerRecord, Log } from '@roomway/broker'
import { checkpointRecord, findCheckpoint, systemNames } from '@roomway/records'
import type { Serve } from '../duties/partition-duties.js'
import type { MovedLog, Progress } from '../moving/moved-log.js'
import { type MoverOptions, serveMoves } from '../moving/mover.js'
import { judgeIntake, sourceOf } from './intake-copy.js'

export interface IntakeMoverOptions extends MoverOptions {
  readonly intake: Log
}

/** Moves what any publisher, with any partitioner, has put into the intake to the home of its room. */
export function serveIntake(options: IntakeMoverOptions): Serve {
  const { intake, counters } = options
  const moved: MovedLog = {
    name: 'intake',
    log: intake,
    deadLog: 'intake',
    isOwn,
    endIsGuessed: false,
    repeatHeader: undefined,
    placeOf: sourceOf,
    judge: judgeIntake,
    progressOf: (partition) => progressIn(intake, partition),
    tally: { moved: () => counters.moved++, passed: () => undefined, refused: () => undefined },
  }
  return serveMoves(moved, options)
}

const isOwn = ({ key }: Pick<BrokerRecord, 'key'>) => key === systemNames.checkpoint || key === systemNames.marker

/** Checkpoints live in the partition they speak of. */
function progressIn(intake: Log, partition: number): Progress {
  return {
    log: intake,
    refreshMs: undefined,
    async find() {
      const checkpoint = await findCheckpoint(intake, partition)
      return { from: Math.max(await intake.start(partition), checkpoint?.handled ?? 0), checkpoint }
    },
    record: (checkpoint) => checkpointRecord(partition, checkpoint),
  }
}
