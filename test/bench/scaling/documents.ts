/* The tables in docs/, between marks. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repositoryFolder } from '@roomway/testing'
import type { Kept } from './kept.js'
import { scalingFigures, tuningFigures } from './tables.js'

export const begin = '<!-- figures: written by `npm run scaling -- --measure` -->'
export const end = '<!-- end of figures -->'

export const documents = [
  { file: join(repositoryFolder(), 'docs/scaling.md'), figures: scalingFigures },
  { file: join(repositoryFolder(), 'docs/tuning.md'), figures: tuningFigures },
] as const

export async function writeDocuments(kept: Kept): Promise<void> {
  for (const { file, figures } of documents)
    await writeFile(file, withFigures(await readFile(file, 'utf8'), figures(kept)))
}

/** @throws where the marks are missing. */
export function withFigures(text: string, figures: string): string {
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error('a document has lost the marks between which figures go')
  return `${text.slice(0, from)}${begin}\n\n${figures}\n\n${text.slice(to)}`
}
