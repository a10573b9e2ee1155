/* The measured figures, kept in the repository so that everything in the documents is computed from them. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repositoryFolder } from '@roomway/testing'
import type { Measured } from './scaling-run.js'

export interface Kept {
  /** ISO 8601. */
  readonly at: string
  readonly machine: string
  readonly commit: string
  /** Measured in short runs, or beside other work: not to be quoted. */
  readonly isProvisional: boolean
  readonly warmUpMs: number
  readonly measureMs: number
  readonly bytesPerConnection: number
  readonly runs: readonly Measured[]
  /** With other settings of Node and of Roomway. */
  readonly tuning: readonly Measured[]
}

export const keptFile = join(repositoryFolder(), 'test/bench/scaling/measured.json')

export async function readKept(): Promise<Kept> {
  return JSON.parse(await readFile(keptFile, 'utf8')) as Kept
}

export async function keep(kept: Kept): Promise<void> {
  const shorter = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(7)) : value)
  await writeFile(keptFile, `${JSON.stringify(kept, shorter, 2)}\n`)
}
