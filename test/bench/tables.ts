/* Figures as tables for people: Markdown, which reads well on a terminal too. */
import type { Row } from './comparison.js'
import type { Measurement } from './report.js'
import { judgements, type SoakMeasurement } from './soak-judgement.js'
import type { Spread } from './statistics.js'

/** The gateway beside raw, and then peers beside the gateway. */
export function tableOf(rows: readonly Row[]): string {
  const besideRaw = rows.filter(isOfGateway)
  const peers = rows.filter((row) => !isOfGateway(row))
  const tables = [besideRaw.length > 0 ? tableBeside('raw', besideRaw) : '', peers.length > 0 ? peersTable(peers) : '']
  return tables.filter((table) => table !== '').join('\n\n')
}

const isOfGateway = ({ measured }: Row): boolean => measured.name === 'gateway'

function tableBeside(other: string, rows: readonly Row[]): string {
  const head = ['', other, 'gateway', 'ratio', 'min–max', `${other} / ${other}`, 'noise', 'goal', '']
  return aligned([head, ...rows.map((row) => [titleOf(row), ...cells(row)])])
}

function peersTable(rows: readonly Row[]): string {
  const head = ['', 'peer', 'gateway', 'peer', 'ratio', 'min–max', 'gateway / gateway', 'noise', 'goal', '']
  return aligned([head, ...rows.map((row) => [titleOf(row), row.measured.name, ...cells(row)])])
}

const titleOf = ({ scenario, title }: Row) => `${scenario}: ${title}`

function cells(row: Row): string[] {
  return [
    withUnit(row.base.value, row.unit),
    withUnit(row.measured.value, row.unit),
    row.ratio === undefined ? '–' : row.ratio.median.toFixed(2),
    range(row.ratio),
    row.noise === undefined ? '–' : `${row.noise.median.toFixed(2)}, ${range(row.noise)}`,
    row.noise === undefined ? '–' : `±${(row.noise.margin * 100).toFixed(1)} %`,
    goalText(row),
    verdictText(row),
  ]
}

function verdictText({ verdict, fault }: Row): string {
  if (verdict === 'no goal') return ''
  return fault === undefined ? verdict : `${verdict}: ${fault.split('\n')[0]}`
}

export function goalText({ goal, unit }: Pick<Row, 'goal' | 'unit'>): string {
  if (goal === undefined) return '–'
  if ('atLeast' in goal) return `≥ ${goal.atLeast}`
  return goal.plus === undefined ? `≤ ${goal.times}` : `≤ ${goal.times} × + ${goal.plus} ${unit}`
}

export function withUnit(value: number | undefined, unit: string): string {
  if (value === undefined) return 'void'
  return `${value >= 1_000 ? Math.round(value) : value.toPrecision(3)} ${unit}`
}

export function range(spread: Spread | undefined): string {
  return spread === undefined ? '–' : `${spread.min.toFixed(2)}–${spread.max.toFixed(2)}`
}

export function aligned(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  const written = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [written[0], rule, ...written.slice(1)].join('\n')
}

/** All tables of the documentation, and where their figures come from. */
export function figures(results: readonly Measurement[], soak: SoakMeasurement | undefined): string {
  const beside = results.filter(({ before }) => before === undefined)
  const before = results.filter((result) => result.before !== undefined)
  const parts = [
    beside.length === 0 ? 'None are kept.' : tableOf(rowsOf(beside)),
    before.length === 0
      ? ''
      : `The gateway beside itself with one change taken out:\n\n${tableBeside('before', rowsOf(before))}`,
    soak === undefined ? '' : soakTable(soak),
    [...results, ...(soak === undefined ? [] : [soak])].map(origin).join('\n'),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function rowsOf(results: readonly Measurement[]): Row[] {
  return results.flatMap(({ name, rows }) => rows.map((row) => ({ ...row, scenario: name })))
}

/** What README.md shows: what has a goal, and on which machine that was found. */
export function mainFigures(results: readonly Measurement[], soak: SoakMeasurement | undefined): string {
  const beside = results.filter(({ before }) => before === undefined)
  const rows = rowsOf(beside).filter(({ goal }) => goal !== undefined)
  const lines = rows.map((row) => [
    isOfGateway(row) ? titleOf(row) : `${titleOf(row)} (${row.measured.name})`,
    withUnit((isOfGateway(row) ? row.base : row.measured).value, row.unit),
    withUnit((isOfGateway(row) ? row.measured : row.base).value, row.unit),
    row.ratio === undefined ? '–' : row.ratio.median.toFixed(2),
    range(row.ratio),
    goalText(row),
    row.verdict,
  ])
  const judged = soak === undefined ? [] : judgements(soak).filter(({ verdict }) => verdict !== '')
  const soaked = judged.map(({ title, found, goal, verdict }) => [title, '', found, '', '', goal, verdict])
  const all = [...lines, ...soaked]
  if (all.length === 0) return 'No figures are kept.'
  const table = aligned([['', 'raw, or peer', 'gateway', 'ratio', 'min–max', 'goal', ''], ...all])
  return `${table}\n\n${machines([...beside, ...(soak === undefined ? [] : [soak])])}`
}

function machines(measured: readonly (Measurement | SoakMeasurement)[]): string {
  const days = measured.map(({ at }) => at.slice(0, 10)).sort()
  const [first, last] = [days[0], days.at(-1)]
  const names = [...new Set(measured.map(({ machine }) => machine))].join('; ')
  return `On ${names}; ${first === last ? first : `${first} to ${last}`}.`
}

export function soakTable(soak: SoakMeasurement): string {
  const lines = judgements(soak).map(({ title, found, goal, verdict }) => [title, found, goal, verdict])
  return aligned([['', 'found', 'goal', ''], ...lines])
}

function origin(of: Measurement | SoakMeasurement): string {
  const on = `${of.at.slice(0, 10)}, commit ${of.commit}, ${of.machine}.`
  if ('samples' in of) return `- **soak**: ${of.title}; ${on}`
  const { measureMs, headers, pinned, pairs } = of.settings
  const isDelivery = of.runs.some((run) => 'framesPerSecond' in run)
  const rounds = of.inTurns ? `${pairs} rounds in turns` : `${pairs} pairs`
  const how = isDelivery ? ` of ${measureMs / 1_000} s, ${headers} headers` : ''
  const voids = of.runs.filter((run) => run.fault !== undefined).length
  const lost = voids === 0 ? '' : ` ${voids} of ${of.runs.length} runs were void.`
  return `- **${of.name}**: ${of.title}. ${rounds}${how}${pinned ? ', pinned' : ''}; ${on}${lost}${limitsOf(of)}${of.notes.map((note) => ` ${note}.`).join('')}`
}

/** What kept the next rate from holding, and how often. */
function limitsOf({ runs }: Measurement): string {
  const limits = runs.flatMap((run) => ('limit' in run ? [run.limit.replace(/, of which.*/, '')] : []))
  if (limits.length === 0) return ''
  const counted = [...new Set(limits)].map((limit) => `${limit} (${limits.filter((other) => other === limit).length})`)
  return ` Limited by: ${counted.join('; ')}.`
}
