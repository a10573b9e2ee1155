/* Figures as a table for people, as JSON for programs, and in docs/benchmarks.md. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { arch, cpus, release, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { repositoryFolder, run } from '@roomway/testing'
import type { Comparison, Row } from './comparison.js'
import type { BenchOptions } from './options.js'
import type { Spread } from './statistics.js'

export interface Measurement extends Comparison {
  /** ISO 8601. */
  readonly at: string
  readonly machine: string
  /** The commit it was measured on, with `+` where there were changes. */
  readonly commit: string
  readonly settings: Pick<BenchOptions, 'pairs' | 'warmUpMs' | 'measureMs' | 'scale' | 'headers' | 'pinned'>
}

/** By scenario: a scenario that is measured again takes the place of what was known. */
export type Results = Readonly<Record<string, Measurement>>

const docsFile = join(repositoryFolder(), 'docs/benchmarks.md')
const begin = '<!-- figures: written by `npm run bench -- --write-docs` -->'
const end = '<!-- end of figures -->'

export async function measurementOf(comparison: Comparison, options: BenchOptions): Promise<Measurement> {
  const { pairs, warmUpMs, measureMs, scale, headers, pinned } = options
  const settings = { pairs, warmUpMs, measureMs, scale, headers, pinned }
  return { ...comparison, at: new Date().toISOString(), machine: machine(), commit: await commit(), settings }
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
  await mkdir(dirname(file), { recursive: true })
  const results = { ...(await readResults(file)), [measurement.name]: measurement }
  await writeFile(file, `${JSON.stringify(results, undefined, 2)}\n`)
}

/** Rows as Markdown, which reads well on a terminal too: the gateway beside raw, and then peers beside the gateway. */
export function tableOf(rows: readonly Row[]): string {
  const besideRaw = rows.filter(({ base }) => base.name === 'raw').map((row) => [titleOf(row), ...cells(row)])
  const peers = rows
    .filter(({ base }) => base.name !== 'raw')
    .map((row) => [titleOf(row), row.measured.name, ...cells(row)])
  const tables = [
    besideRaw.length > 0 ? [['', 'raw', 'gateway', 'ratio', 'min–max', 'raw / raw', 'goal', ''], ...besideRaw] : [],
    peers.length > 0
      ? [['', 'peer', 'gateway', 'peer', 'ratio', 'min–max', 'gateway / gateway', 'goal', ''], ...peers]
      : [],
  ]
  return tables
    .filter((table) => table.length > 0)
    .map(aligned)
    .join('\n\n')
}

const titleOf = ({ scenario, title }: Row) => `${scenario}: ${title}`

function cells(row: Row): string[] {
  return [
    withUnit(row.base.value, row.unit),
    withUnit(row.measured.value, row.unit),
    row.ratio === undefined ? '–' : row.ratio.median.toFixed(2),
    range(row.ratio),
    range(row.noise),
    goalText(row),
    verdictText(row),
  ]
}

function verdictText({ verdict, fault }: Row): string {
  if (verdict === 'no goal') return ''
  return fault === undefined ? verdict : `${verdict}: ${fault.split('\n')[0]}`
}

function goalText({ goal, unit }: Row): string {
  if (goal === undefined) return '–'
  if ('atLeast' in goal) return `≥ ${goal.atLeast}`
  return goal.plus === undefined ? `≤ ${goal.times}` : `≤ ${goal.times} × + ${goal.plus} ${unit}`
}

function withUnit(value: number | undefined, unit: string): string {
  if (value === undefined) return 'void'
  return `${value >= 1_000 ? Math.round(value) : value.toPrecision(3)} ${unit}`
}

function range(spread: Spread | undefined): string {
  return spread === undefined ? '–' : `${spread.min.toFixed(2)}–${spread.max.toFixed(2)}`
}

export function aligned(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  const written = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [written[0], rule, ...written.slice(1)].join('\n')
}

/** Puts the kept figures into docs/benchmarks.md. @throws where there are none. */
export async function writeDocs(file: string): Promise<void> {
  const results = Object.values(await readResults(file))
  if (results.length === 0) throw new Error(`${file} holds no figures: run the benchmarks first`)
  const text = await readFile(docsFile, 'utf8')
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${docsFile} has lost the marks between which figures go`)
  await writeFile(docsFile, `${text.slice(0, from)}${begin}\n\n${figures(results)}\n\n${text.slice(to)}`)
}

function figures(results: readonly Measurement[]): string {
  const table = tableOf(results.flatMap(({ rows }) => rows))
  return [table, '', ...results.map(origin)].join('\n')
}

function origin({ name, title, at, machine: on, commit: of, settings, runs, notes }: Measurement): string {
  const { pairs, measureMs, headers, pinned } = settings
  const how = name.endsWith('memory') ? '' : ` of ${measureMs / 1_000} s, ${headers} headers`
  const voids = runs.filter((run) => run.fault !== undefined).length
  const lost = voids === 0 ? '' : ` ${voids} of ${runs.length} runs were void.`
  return `- **${name}**: ${title}. ${pairs} pairs${how}${pinned ? ', pinned' : ''}; ${at.slice(0, 10)}, commit ${of}, ${on}.${lost}${notes.map((note) => ` ${note}.`).join('')}`
}
