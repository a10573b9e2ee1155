/* The soak, from its options to its kept result. */
import { readFile } from 'node:fs/promises'
import type { Bench } from './bench.js'
import type { SoakOptions } from './options.js'
import { circumstances, keepJson, type Results } from './report.js'
import type { SoakMeasurement } from './soak-judgement.js'
import { runSoak, type SoakPlan } from './soak-run.js'

/** Where no highest rate is kept: about half of what a slow machine with two cores sustains. */
const fallbackRate = 5_000

export function soakPlan({ minutes, rate }: SoakOptions, results: Results, scale: number): SoakPlan {
  const highest = results.highest?.rows.find(({ figure }) => figure === 'rate')?.measured.value
  const half = highest === undefined ? fallbackRate * scale : highest / 2
  return {
    rooms: Math.max(1, Math.round(1_000 * scale)),
    minutes,
    eventsPerSecond: Math.round(rate ?? half),
    churners: Math.max(1, Math.round(100 * scale)),
    sampleMs: 5_000,
  }
}

export async function measureSoak(bench: Bench, plan: SoakPlan, say: (line: string) => void): Promise<SoakMeasurement> {
  const { minutes, eventsPerSecond, rooms, churners } = plan
  const title = `${minutes} minutes of ${eventsPerSecond} events/s in ${rooms} rooms, kafka, with ${churners} clients that join, leave and reconnect all the time`
  say(`\n${title}`)
  const result = await runSoak(bench, plan, say)
  return { title, minutes, eventsPerSecond, ...(await circumstances()), ...result }
}

export async function readSoak(file: string): Promise<SoakMeasurement | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as SoakMeasurement
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export const keepSoak = (file: string, soak: SoakMeasurement): Promise<void> => keepJson(file, soak)
