/* One run: the load, the faults, the calm after them, and what the checker finds. */
import { setTimeout as delay } from 'node:timers/promises'
import type { BrokerKind } from './brokers.js'
import { calm } from './calm.js'
import { check, type Findings } from './checker/check.js'
import { oracleOf } from './checker/oracle.js'
import { commit } from './faults.js'
import type { ProcessJournal } from './journal.js'
import type { Replacements } from './launch.js'
import { type Scene, withScene } from './scene.js'
import { type Fault, scheduleOf } from './schedule.js'

export interface RunOptions {
  readonly seed: number
  readonly broker: BrokerKind
  readonly commands: number
  readonly clients: number
  readonly clientProcesses: number
  readonly rooms: number
  readonly gateways: number
  readonly apps: number
  readonly partitions: number
  readonly faults: number
  /** Over which commands and faults are spread. */
  readonly durationMs: number
  readonly maxPauseMs: number
  readonly resumeMs: number
  /** How long the last effects may take after the last fault. */
  readonly calmMs: number
  readonly replacements: Replacements
  readonly logFolder: string | undefined
  /** In place of the schedule that the seed gives. */
  readonly schedule?: readonly Fault[]
  readonly say: (line: string) => void
}

export interface RunResult extends Findings {
  readonly faults: readonly Fault[]
  readonly wire: ProcessJournal['wire']
  readonly seconds: number
}

export function runChaos(options: RunOptions): Promise<RunResult> {
  const { clients, seed, rooms, commands, durationMs, say } = options
  const plan = {
    count: clients,
    commands: Math.ceil(commands / clients),
    durationMs,
    maxInFlight: 100,
    workload: { seed, rooms },
  }
  say(
    `seed ${seed}: ${clients} clients, ${plan.commands * clients} commands, ${options.faults} faults in ${durationMs / 1_000} s`,
  )
  return withScene({ ...options, clients: plan }, (scene) => play(options, scene))
}

async function play(options: RunOptions, scene: Scene): Promise<RunResult> {
  const { say } = options
  const startMs = Date.now()
  const schedule = options.schedule ?? scheduleOf(options)
  await Promise.all(scene.clients.map((process) => process.ask('/start')))
  await commitAll(schedule, scene, startMs, say)
  say('the faults are over')
  await calm(scene, options.calmMs, say)
  const processes = await Promise.all(scene.clients.map((process) => process.ask<ProcessJournal>('/journal')))
  const findings = check(oracleOf(await scene.broker.readLogs()), processes)
  return { ...findings, faults: schedule, wire: totalOf(processes), seconds: (Date.now() - startMs) / 1_000 }
}

/** Faults of one target wait for each other; those of others overlap. */
async function commitAll(
  schedule: readonly Fault[],
  scene: Scene,
  startMs: number,
  say: RunOptions['say'],
): Promise<void> {
  const last = new Map<string, Promise<void>>()
  for (const fault of schedule) {
    const name = `${fault.target} ${fault.index}`
    const before = last.get(name) ?? Promise.resolve()
    const faulted = before.then(async () => {
      await delay(Math.max(0, startMs + fault.atMs - Date.now()))
      const atS = ((Date.now() - startMs) / 1_000).toFixed(1)
      say(`${atS.padStart(6)} s  ${fault.kind} ${fault.index}, ${(fault.forMs / 1_000).toFixed(1)} s`)
      await commit(fault, scene)
    })
    last.set(name, faulted)
  }
  await Promise.all(last.values())
}

function totalOf(processes: readonly ProcessJournal[]): ProcessJournal['wire'] {
  const total = { connects: 0, resumes: 0, recovered: 0, resends: 0 }
  for (const { wire } of processes)
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += wire[name]
  return total
}
