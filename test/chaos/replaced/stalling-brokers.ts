/*
 * In place of libs/brokers: after SIGUSR2 the process stops itself (SIGSTOP) just before its next append of outcomes or commands. What it appends then, when it is let go on,
 * was decided long ago: the worst moment to be paused in, which a pause from outside hardly ever meets. The append goes over a connection of its own, on which nothing
 * else waits: it lands, as one would that had been under way in the network.
 */
import type { AppendRecord, Broker, Log, LogName } from '@roomway/broker'
import { originalOf } from './original.js'

type Brokers = typeof import('@roomway/brokers')

const original = await originalOf<Brokers>('libs/brokers/src/index.ts')

/** What the next append of decisions goes through, after a stop; undefined: as usual. */
let late: Promise<Broker> | undefined
let isArmed = false

export const openBroker: Brokers['openBroker'] = async (config, logger) => {
  process.on('SIGUSR2', () => {
    late ??= original.openBroker(config, logger)
    late.then(
      () => (isArmed = true),
      () => (late = undefined),
    )
  })
  process.on('SIGCONT', () => (isArmed = false))
  const broker = await original.openBroker(config, logger)
  return overriding(broker, {
    log: async (name) => {
      const log = await broker.log(name)
      return name === 'events' || name === 'commands' ? stallingLog(log, name) : log
    },
    close: async () => {
      await late?.then((other) => other.close())
      await broker.close()
    },
  })
}

function stallingLog(log: Log, name: LogName): Log {
  return overriding(log, {
    append: (records) => (isArmed && records.some(isDecision) ? appendLate(name, records) : log.append(records)),
  })
}

/**
 * An outcome that is an event, or a command as a gateway writes it; not the event of an answer that goes on to its room. (A rejection that comes late does nothing that a
 * client could see: it hands an answer over once.)
 */
const isDecision = ({ headers }: AppendRecord) =>
  ('roomway-seen' in headers && headers['roomway-event']?.startsWith('$') !== true) ||
  ('roomway-after' in headers && !('roomway-door' in headers))

async function appendLate(name: LogName, records: readonly AppendRecord[]): Promise<void> {
  isArmed = false
  const log = await (await late!).log(name)
  process.kill(process.pid, 'SIGSTOP')
  await log.append(records)
}

function overriding<T extends Broker | Log>(object: T, methods: Partial<T>): T {
  return new Proxy(object, {
    get(target, name) {
      const own = (methods as Record<string | symbol, unknown>)[name]
      if (own !== undefined) return own
      const value = Reflect.get(target, name, target) as unknown
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
