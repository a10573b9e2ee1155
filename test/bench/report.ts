/* Figures as JSON for programs. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { arch, cpus, release, totalmem } from 'node:os'
import { basename, dirname } from 'node:path'
import { repositoryFolder, run } from '@roomway/testing'
import type { Comparison } from './comparison.js'
import type { BenchOptions } from './options.js'

export interface Measurement extends Comparison {
  /** ISO 8601. */
  readonly at: string
  readonly machine: string
  /** The commit it was measured on, with `+` where there were changes. */
  readonly commit: string
  readonly settings: Pick<BenchOptions, 'pairs' | 'warmUpMs' | 'measureMs' | 'scale' | 'headers' | 'pinned'>
  /** The checkout whose gateway played the raw server's part, by its folder's name. */
  readonly before?: string
}

/** By scenario: a scenario that is measured again takes the place of what was known. */
export type Results = Readonly<Record<string, Measurement>>

export async function measurementOf(comparison: Comparison, options: BenchOptions): Promise<Measurement> {
  const { warmUpMs, measureMs, scale, headers, pinned, beforeFolder } = options
  const pairs = comparison.rounds
  const settings = { pairs, warmUpMs, measureMs, scale, headers, pinned }
  const measured = { ...comparison, ...(await circumstances()), settings }
  if (beforeFolder === undefined) return measured
  const before = basename(beforeFolder)
  return { ...measured, before, name: `${comparison.name} ${before}` }
}

/** When, where and of what. */
export async function circumstances(): Promise<Pick<Measurement, 'at' | 'machine' | 'commit'>> {
  return { at: new Date().toISOString(), machine: machine(), commit: await commit() }
}

export function machine(): string {
  const processors = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  const processor = `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown CPU'} (${arch()})`
  return `${processor}, ${memory} GB, Linux ${release()}, Node ${process.versions.node}`
}

export async function commit(): Promise<string> {
  const cwd = repositoryFolder()
  try {
    const hash = (await run('git', ['rev-parse', '--short', 'HEAD'], { cwd })).trim()
    const changes = await run('git', ['status', '--porcelain', '--', 'libs', 'services'], { cwd })
    return changes.trim() === '' ? hash : `${hash}+`
  } catch {
    return 'unknown'
  }
}

/** What an earlier form of this program kept is left out. */
export async function readResults(file: string): Promise<Results> {
  try {
    const kept = Object.entries(JSON.parse(await readFile(file, 'utf8')) as Results)
    return Object.fromEntries(kept.filter(([, { notes }]) => notes !== undefined))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
}

/** Adds one measurement to the file. */
export async function keepResult(file: string, measurement: Measurement): Promise<void> {
  await keepJson(file, { ...(await readResults(file)), [measurement.name]: measurement })
}

export async function keepJson(file: string, value: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${JSON.stringify(value, undefined, 2)}\n`)
}
