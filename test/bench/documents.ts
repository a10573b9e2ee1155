/*
 * What the documentation shows of the benchmarks: the kept figures themselves, as JSON beside their plots, and tables of them between marks in
 * docs/benchmarks.md and README.md. All of it follows from docs/benchmarks/*.json, and a test holds it to that.
 */
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repositoryFolder } from '@roomway/testing'
import { plotsOf } from './plots.js'
import { keepJson, type Measurement, type Results, readResults } from './report.js'
import { scenarioNames } from './scenarios/index.js'
import { readSoak } from './soak.js'
import type { SoakMeasurement } from './soak-judgement.js'
import { figures, mainFigures } from './tables.js'

export interface Published {
  /** In the order of the benchmarks. */
  readonly results: readonly Measurement[]
  readonly soak: SoakMeasurement | undefined
}

const root = repositoryFolder()
export const documentsFolder = join(root, 'docs/benchmarks')
const resultsFile = join(documentsFolder, 'results.json')
const soakFile = join(documentsFolder, 'soak.json')
const begin = '<!-- figures: written by `npm run bench -- --write-docs` -->'
const end = '<!-- end of figures -->'
/** The least that a soak must have lasted to be shown. */
const leastSoakMinutes = 30

/** By path from the repository's root. */
export const documents: Readonly<Record<string, (published: Published) => string>> = {
  'docs/benchmarks.md': (published) =>
    [figures(published.results, published.soak), ...pictures(published)].join('\n\n'),
  'README.md': ({ results, soak }) => mainFigures(results, soak),
}

/** The plots of these figures, and the flame graphs that are there. */
function pictures(published: Published): string[] {
  const isThere = (name: string) => name.startsWith('flame-') && name.endsWith('.svg')
  const flames = existsSync(documentsFolder) ? readdirSync(documentsFolder).filter(isThere).sort() : []
  return [...Object.keys(plotsOf(published)), ...flames].map((name) => `![${name}](benchmarks/${name})`)
}

export async function readPublished(): Promise<Published> {
  return { results: inOrder(await readResults(resultsFile)), soak: await readSoak(soakFile) }
}

/** Takes over what is kept in `keptResults` and `keptSoak`, except for what was measured at another scale, and writes everything anew. */
export async function publish(keptResults: string, keptSoak: string): Promise<void> {
  const kept = await readResults(keptResults)
  const whole = Object.fromEntries(Object.entries(kept).filter(([, { settings }]) => settings.scale === 1))
  await mkdir(documentsFolder, { recursive: true })
  const merged = inOrder({ ...(await readResults(resultsFile)), ...whole })
  await keepJson(resultsFile, Object.fromEntries(merged.map((result) => [result.name, result])))
  const soak = await readSoak(keptSoak)
  if (soak !== undefined && soak.minutes >= leastSoakMinutes) await keepJson(soakFile, soak)
  await writeDocuments()
}

/** Tables and plots, of the published figures. */
export async function writeDocuments(): Promise<void> {
  const published = await readPublished()
  for (const [path, of] of Object.entries(documents)) {
    const file = join(root, path)
    await writeFile(file, withFigures(await readFile(file, 'utf8'), of(published)))
  }
  await mkdir(documentsFolder, { recursive: true })
  for (const [name, svg] of Object.entries(plotsOf(published))) await writeFile(join(documentsFolder, name), svg)
}

/** `text` with `figures` between its marks. @throws where it has lost them. */
export function withFigures(text: string, between: string): string {
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the marks between which figures go, "${begin}" and "${end}", are lost`)
  return `${text.slice(0, from)}${begin}\n\n${between}\n\n${text.slice(to)}`
}

function inOrder(results: Results): Measurement[] {
  const rank = ({ name }: Measurement) => {
    const place = scenarioNames.indexOf(name.split(' ')[0]!)
    return place < 0 ? scenarioNames.length : place
  }
  return Object.values(results).sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
}
