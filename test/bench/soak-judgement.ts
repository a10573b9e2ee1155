/*
 * What a soak says. Memory is flat where a straight line through the minutes' means after the first ones has a slope that may be nothing, and
 * cannot be more than a few hundredths of the memory over the whole time. Means of minutes, since samples that are seconds apart tell little new.
 */
import type { Verdict } from './comparison.js'
import type { ChurnLook } from './programs/churn-client.js'
import type { Measurement } from './report.js'
import type { SoakResult, SoakSample } from './soak-run.js'
import { type Line, lineThrough, spreadOf } from './statistics.js'

export interface SoakMeasurement extends SoakResult, Pick<Measurement, 'at' | 'machine' | 'commit'> {
  readonly title: string
  readonly minutes: number
  readonly eventsPerSecond: number
}

export interface Judgement {
  readonly title: string
  readonly found: string
  readonly goal: string
  readonly verdict: Verdict | ''
}

const stallLimitMs = 100
const settledAfterMinutes = 5
/** Of the memory, that a line may grow over the measured time and still be flat. */
const growthAllowed = 0.05
const leastMinutes = 5

export function judgements(soak: SoakMeasurement): Judgement[] {
  const measured = soak.samples.filter(({ minute }) => minute >= settledMinute(soak))
  const heaps = measured.filter(({ heapMb }) => heapMb !== undefined)
  return [
    memory('resident set', measured, ({ rssMb }) => rssMb, true),
    memory('heap after collections', heaps, ({ heapMb }) => heapMb!, false),
    memory('heap, used or not', measured, ({ heapHeldMb }) => heapHeldMb, false),
    memory('buffers outside of it', measured, ({ externalMb }) => externalMb, false),
    stalls(soak),
    collections(soak),
    whole(soak),
    latency(measured),
    ...comingBack(measured, soak.atRest),
  ].map((judgement) => ({ ...judgement, title: `soak: ${judgement.title}` }))
}

/** Five minutes; a sixth of a soak that is shorter than the half hour. */
export const settledMinute = ({ minutes }: Pick<SoakMeasurement, 'minutes'>) =>
  Math.min(settledAfterMinutes, minutes / 6)

function memory(
  title: string,
  samples: readonly SoakSample[],
  of: (sample: SoakSample) => number,
  isJudged: boolean,
): Judgement {
  const line = lineThrough(minuteMeans(samples, of))
  const goal = isJudged ? 'flat' : '–'
  if (line === undefined) return { title, found: 'too few samples', goal, verdict: isJudged ? 'too close to tell' : '' }
  const slope = `${(line.slope * 60).toFixed(1)} ± ${(line.slopeMargin * 60).toFixed(1)} MB/h at ${line.mean.toFixed(0)} MB`
  return { title, found: slope, goal, verdict: isJudged ? flatness(line) : '' }
}

function minuteMeans(samples: readonly SoakSample[], of: (sample: SoakSample) => number): [number, number][] {
  const byMinute = new Map<number, number[]>()
  for (const sample of samples) {
    const minute = Math.floor(sample.minute)
    byMinute.set(minute, [...(byMinute.get(minute) ?? []), of(sample)])
  }
  return [...byMinute].map(([minute, values]) => [
    minute,
    values.reduce((sum, value) => sum + value, 0) / values.length,
  ])
}

/** `line` is of minutes. */
export function flatness(line: Line): Verdict {
  if (line.points < leastMinutes) return 'too close to tell'
  const mayBeNothing = line.slope - line.slopeMargin <= 0
  const mostGrowth = (line.slope + line.slopeMargin) * line.length
  if (mayBeNothing) return mostGrowth <= line.mean * growthAllowed ? 'met' : 'too close to tell'
  // A line that is certain, and yet less than what the memory goes up and down anyway.
  return mostGrowth <= line.residual ? 'met' : 'missed'
}

function stalls(soak: SoakMeasurement): Judgement {
  const longest = (of: (sample: SoakSample) => number) =>
    soak.samples.reduce((most, sample) => Math.max(most, of(sample)), 0)
  const ownMs = longest(({ ownLateMs }) => ownLateMs)
  const lateMs = longest(({ lateMs: ms }) => ms)
  const found = `${ownMs.toFixed(0)} ms; ${lateMs.toFixed(0)} ms with waiting for a CPU`
  return {
    title: 'longest stall of the event loop',
    found,
    goal: `≤ ${stallLimitMs} ms`,
    verdict: ownMs <= stallLimitMs ? 'met' : 'missed',
  }
}

function collections({ samples }: SoakMeasurement): Judgement {
  const longestMs = Math.max(0, ...samples.map(({ gcMs }) => gcMs))
  return { title: 'longest garbage collection', found: `${longestMs.toFixed(0)} ms`, goal: '–', verdict: '' }
}

function whole({ fault, churn }: SoakMeasurement): Judgement {
  const { joins, cuts, returns, lost, doubled, resets, behind, faults } = churn
  const title = `lost or doubled, with ${joins} joins, ${cuts} cut connections and ${returns} returns`
  const isWhole = fault === undefined && lost + doubled + resets + behind + faults.length === 0
  const counted = `${lost} lost, ${doubled} doubled, ${resets} resets, ${behind} behind at the end`
  const found = [counted, ...(fault === undefined ? [] : [fault]), ...faults.slice(0, 3)].join('; ')
  return { title, found: isWhole ? 'nothing' : found, goal: 'nothing', verdict: isWhole ? 'met' : 'missed' }
}

function latency(samples: readonly SoakSample[]): Judgement {
  const title = 'latency p50 and p99, median and greatest of all samples'
  if (samples.length === 0) return { title, found: 'too few samples', goal: '–', verdict: '' }
  const text = (of: (sample: SoakSample) => number) => {
    const { median, max } = spreadOf(samples.map(of))
    return `${median.toFixed(1)} (${max.toFixed(0)}) ms`
  }
  return { title, found: `${text(({ p50Ms }) => p50Ms)}, ${text(({ p99Ms }) => p99Ms)}`, goal: '–', verdict: '' }
}

const comings = ['joins', 'resumes', 'returns'] as const

/** The longest are those of the end, too. */
function comingBack(samples: readonly SoakSample[], atRest: ChurnLook): Judgement[] {
  const looks = [...samples, atRest]
  const longestOpenMs = Math.max(...looks.map((look) => look.longestOpenMs))
  const rows = comings.map((kind) => {
    const title = `${kind}, p50 and longest`
    const p50s = samples.flatMap((sample) => sample[kind].p50Ms ?? [])
    if (p50s.length === 0) return { title, found: 'none', goal: '–', verdict: '' as const }
    const maxMs = Math.max(...looks.map((look) => look[kind].maxMs ?? 0))
    return {
      title,
      found: `${spreadOf(p50s).median.toFixed(0)} ms, ${maxMs.toFixed(0)} ms`,
      goal: '–',
      verdict: '' as const,
    }
  })
  const open = { title: 'longest without an answer yet, when it was looked', found: `${longestOpenMs.toFixed(0)} ms` }
  return [...rows, { ...open, goal: '–', verdict: '' }]
}
