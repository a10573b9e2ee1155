export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** @throws where there is no value. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('no values')
  const sorted = [...values].sort((a, b) => a - b)
  return { median: medianOf(sorted), min: sorted[0]!, max: sorted.at(-1)! }
}

function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/**
 * How far the median of ratios that are all 1 in truth may be off it, with 95 % certainty, told from how far each of these is off. Of the median
 * deviation, so that one outlier does not count; more ratios make it less. Half as much is as far off as twice as much.
 */
export function noiseOf(ratios: readonly number[]): number {
  const { median: deviation } = spreadOf(ratios.map((ratio) => Math.abs(Math.log(ratio))))
  const standardDeviation = 1.4826 * deviation
  return Math.exp((1.96 * 1.2533 * standardDeviation) / Math.sqrt(ratios.length)) - 1
}

export interface Line {
  readonly points: number
  readonly slope: number
  /** Of the 95 % confidence interval of the slope. */
  readonly slopeMargin: number
  readonly mean: number
  /** From the first point to the last, along x. */
  readonly length: number
  /** The standard deviation of the points from the line. */
  readonly residual: number
}

/** By least squares; undefined of fewer than three points. */
export function lineThrough(points: readonly (readonly [number, number])[]): Line | undefined {
  const count = points.length
  if (count < 3) return undefined
  const sum = (of: (point: readonly [number, number]) => number) =>
    points.reduce((total, point) => total + of(point), 0)
  const meanX = sum(([x]) => x) / count
  const mean = sum(([, y]) => y) / count
  const spreadX = sum(([x]) => (x - meanX) ** 2)
  const slope = sum(([x, y]) => (x - meanX) * (y - mean)) / spreadX
  const freedom = count - 2
  const residual = Math.sqrt(sum(([x, y]) => (y - mean - slope * (x - meanX)) ** 2) / freedom)
  const xs = points.map(([x]) => x)
  return {
    points: count,
    slope,
    slopeMargin: (studentOf(freedom) * residual) / Math.sqrt(spreadX),
    mean,
    length: Math.max(...xs) - Math.min(...xs),
    residual,
  }
}

/** The two-sided 95 % quantile of Student's distribution, within three hundredths from 2 degrees of freedom on. */
function studentOf(freedom: number): number {
  return freedom === 1 ? 12.71 : 1.96 + 2.37 / freedom + 2.82 / freedom ** 2 + 2.56 / freedom ** 3
}
