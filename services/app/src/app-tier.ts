import type { Broker, Lease, Log, Logger } from '@roomway/broker'
import type { SourceConfig } from '@roomway/config'
import { type Application, plainApplication } from '@roomway/handlers'
import { RoomDirectory, repeatSpanMs } from '@roomway/records'
import { offTracer, type Tracer } from '@roomway/telemetry'
import { serveCommands } from './commands/command-owner.js'
import { type CheckpointPace, defaultPace } from './duties/checkpoint-pace.js'
import { DeadLetters } from './duties/dead-letters.js'
import { PartitionDuties } from './duties/partition-duties.js'
import { RoomRulesDuty } from './duties/room-rules.js'
import { atMost, type Closable } from './duties/service-run.js'
import type { RoomHistoryOptions } from './history/room-history.js'
import { serveIntake } from './intake/intake-mover.js'
import { AppCounters } from './operations/app-counters.js'
import { spansOf } from './operations/spans.js'
import { openSources } from './sources/open-sources.js'

export interface AppTierOptions {
  readonly broker: Broker
  readonly logger: Logger
  /** Default: every command is accepted unchanged. */
  readonly application?: Application
  /** How long a handler may take for a command, all attempts together, in ms. Default 5,000. */
  readonly handlerDeadlineMs?: number
  /** How often checkpoints are written. Default: every second or every 1,000 records. */
  readonly pace?: CheckpointPace
  /** Default: records nothing. */
  readonly tracer?: Tracer
  /** How long a session may be resumed. Default 120,000. */
  readonly resumeMs?: number
  /** Prefix of the topics, for the names of spans. Default `roomway`. */
  readonly prefix?: string
  /** Topics, queues and exchanges of others that are copied into rooms. Default none. */
  readonly sources?: readonly SourceConfig[]
}

/** Why the tier is not ready, for people; empty where it is. */
export type UnreadyReasons = readonly string[]

/** One instance of the app tier: serves whatever partitions the leases `commands` and `intake` give it. Holds no state that is not in the log. */
export interface AppTier {
  readonly counters: AppCounters
  readonly unready: () => UnreadyReasons
  /** How many partitions are owned here, by lease. */
  readonly owned: () => Readonly<Record<string, number>>
  /** What the logs of rooms are read from. */
  readonly history: RoomHistoryOptions
  /** Gives the leases up, ends what is under way and closes what it opened; not the broker. Idempotent. */
  close(): Promise<void>
}

export async function startAppTier(options: AppTierOptions): Promise<AppTier> {
  const { broker, logger } = options
  const [events, commands, intake, dead, meta] = await Promise.all([
    broker.log('events'),
    broker.log('commands'),
    broker.log('intake'),
    broker.log('dead'),
    broker.log('meta'),
  ])
  const counters = new AppCounters()
  const letters = new DeadLetters(dead, logger, counters)
  const { tracer = offTracer, prefix = 'roomway', application = plainApplication } = options
  const rules = new RoomRulesDuty(meta, application.rules, logger)
  await rules.open()
  const shared = {
    events,
    dead: letters,
    logger,
    counters,
    pace: options.pace ?? defaultPace,
    directory: directoryOf(events),
  }
  const { handlerDeadlineMs = 5_000 } = options
  const owners = new PartitionDuties({
    name: 'commands',
    logger,
    serve: serveCommands({
      ...shared,
      commands,
      repeatSpanMs: repeatSpanMs(options.resumeMs ?? 120_000),
      application,
      handlerDeadlineMs,
      trace: spansOf(tracer, `${prefix}.commands`),
    }),
  })
  const movers = new PartitionDuties({
    name: 'intake',
    logger,
    serve: serveIntake({ ...shared, intake, trace: spansOf(tracer, `${prefix}.intake`) }),
  })
  const leases = await Promise.all([
    broker.claim('commands', commands.partitions, owners),
    broker.claim('intake', intake.partitions, movers),
  ])
  const sources = await openSources(options.sources ?? [], { ...shared, broker, tracer })
  return {
    counters,
    unready: () => [...reasonsOf('commands', owners), ...reasonsOf('intake', movers)],
    owned: () => ({
      commands: owners.partitions.length,
      intake: movers.partitions.length,
      ...Object.fromEntries(sources.map((source) => [source.lease, source.owned])),
    }),
    history: { events, directory: shared.directory },
    close: once(() => closeTier(leases, [owners, movers], [rules, ...sources], letters)),
  }
}

const lettersMs = 2_000

async function closeTier(
  leases: readonly Lease[],
  duties: readonly PartitionDuties[],
  others: readonly Closable[],
  letters: DeadLetters,
) {
  await Promise.all([...others, ...leases].map((one) => one.close()))
  await Promise.all(duties.map((duty) => duty.close()))
  await atMost(lettersMs, letters.close())
}

const reasonsOf = (log: string, duties: PartitionDuties) =>
  duties.unready.map((partition) => `${log} partition ${partition} is owned and not served yet`)

/** One directory for all owners and movers; a new one where the log has come to have another number of partitions. */
function directoryOf(events: Log): () => RoomDirectory {
  let directory = new RoomDirectory(events.partitions)
  return () => {
    if (directory.partitions !== events.partitions) directory = new RoomDirectory(events.partitions)
    return directory
  }
}

function once(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined
  return () => (closing ??= close())
}
