import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import type { BrokerKind } from './brokers.js'
import type { Replacements } from './launch.js'
import { type Mutant, mutants } from './mutants.js'
import type { RunOptions } from './run.js'

export const usage = `usage: npm run chaos -- [options]

  --broker NAME      kafka or rabbitmq; default: one after the other
  --seed N           the schedule of faults and the commands; default: by chance, and printed
  --commands N       default 100000, by 200 clients
  --faults N         default 36
  --seconds N        over which commands and faults are spread; default 420
  --max-pause N      longest pause of a process, in seconds; default 30
  --without RULE     take a rule out of gateways and apps, to see the checker fail: ${Object.keys(mutants)
    .map((name) => `"${name}"`)
    .join(', ')}
  --logs FOLDER      keep everything that gateways and apps print there
`

export class UsageError extends Error {}

export interface ChaosOptions {
  readonly brokers: readonly BrokerKind[]
  readonly help: boolean
  readonly run: Omit<RunOptions, 'broker' | 'say'>
}

/** The long form. */
const long = {
  clients: 200,
  clientProcesses: 3,
  rooms: 40,
  gateways: 3,
  apps: 3,
  partitions: 8,
  // Shorter than the longest time that clients are offline, so that some sessions are lost.
  resumeMs: 45_000,
  calmMs: 240_000,
}

/** @throws UsageError */
export function readOptions(args: readonly string[]): ChaosOptions {
  const values = parse(args)
  return {
    brokers: values.broker === undefined ? ['kafka', 'rabbitmq'] : [brokerOf(values.broker)],
    help: values.help ?? false,
    run: {
      ...long,
      seed: whole('seed', values.seed ?? String(randomInt(1_000_000))),
      commands: whole('commands', values.commands),
      faults: whole('faults', values.faults),
      durationMs: whole('seconds', values.seconds) * 1_000,
      replacements: replacementsOf(values.without),
      logFolder: values.logs,
      maxPauseMs: whole('max-pause', values['max-pause']) * 1_000,
    },
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        broker: { type: 'string' },
        seed: { type: 'string' },
        commands: { type: 'string', default: '100000' },
        faults: { type: 'string', default: '36' },
        seconds: { type: 'string', default: '420' },
        'max-pause': { type: 'string', default: '30' },
        without: { type: 'string' },
        logs: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function brokerOf(text: string): BrokerKind {
  if (text !== 'kafka' && text !== 'rabbitmq') throw new UsageError(`--broker must be kafka or rabbitmq, not ${text}`)
  return text
}

function replacementsOf(rule: string | undefined): Replacements {
  if (rule === undefined) return {}
  const mutant = (mutants as Readonly<Record<string, Mutant>>)[rule]
  if (mutant === undefined)
    throw new UsageError(`--without must be one of ${Object.keys(mutants).join(', ')}, not ${rule}`)
  return mutant.replacements
}

function whole(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new UsageError(`--${name} must be a whole number, not ${text}`)
  return value
}
