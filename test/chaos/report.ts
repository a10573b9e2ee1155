import type { RunOptions, RunResult } from './run.js'
import { faultKinds } from './schedule.js'

const maxViolations = 20

/** What a run was and what was found, for people. */
export function reportOf(options: RunOptions, result: RunResult): string {
  const { wire, faults, counts, violations, seconds } = result
  const rows: [string, number | string][] = [
    ['broker', options.broker],
    ['seed', options.seed],
    ['seconds', seconds.toFixed(0)],
    ['clients', options.clients],
    ...Object.entries(counts),
    ['connections of clients', wire.connects],
    ['resumes', wire.resumes],
    ['… recovered', wire.recovered],
    ['publishes sent again by clients', wire.resends],
    ['faults', faults.length],
    ...faultKinds.map((kind): [string, number] => [`… ${kind}`, faults.filter((fault) => fault.kind === kind).length]),
    ['violations', violations.length],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const table = rows.map(([name, value]) => `| ${name.padEnd(width)} | ${String(value).padStart(8)} |`)
  return [...table, ...violationLines(result)].join('\n')
}

export function violationLines({ violations }: Pick<RunResult, 'violations'>): string[] {
  const lines = violations
    .slice(0, maxViolations)
    .flatMap(({ rule, what, evidence }) => [`VIOLATION (${rule}): ${what}`, ...evidence.map((line) => `    ${line}`)])
  const more = violations.length - maxViolations
  return more > 0 ? [...lines, `… and ${more} more`] : lines
}
