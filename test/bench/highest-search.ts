/* The highest rate that holds: steps up until one does not, then halves the gap. */

export interface Search {
  readonly start: number
  /** From one step up to the next. */
  readonly growth: number
  /** The gap, as a share of the rate that holds, at which it is done. */
  readonly resolution: number
  /** Above which it does not look. */
  readonly most: number
}

export interface Found {
  /** Undefined: not even the least rate that was tried holds. */
  readonly highest: number | undefined
  /** The lowest that does not hold; undefined: all that were tried do. */
  readonly failed: number | undefined
}

const leastOfStart = 1 / 8

/** @param holds is asked again where it says no, so that one hiccup of the machine does not end the search. */
export async function findHighest(search: Search, holds: (rate: number) => Promise<boolean>): Promise<Found> {
  const holdsAtAll = async (rate: number) => (await holds(rate)) || (await holds(rate))
  let highest: number | undefined
  let failed: number | undefined
  for (let rate = search.start; rate <= search.most; rate = nextOf(search, rate, highest, failed)) {
    if (await holdsAtAll(rate)) highest = rate
    else failed = rate
    if (isDone(search, highest, failed)) break
  }
  return { highest, failed }
}

function nextOf({ growth }: Search, rate: number, highest: number | undefined, failed: number | undefined): number {
  if (highest === undefined) return Math.round(rate / growth)
  return Math.round(failed === undefined ? rate * growth : Math.sqrt(highest * failed))
}

function isDone(search: Search, highest: number | undefined, failed: number | undefined): boolean {
  if (failed === undefined) return false
  if (highest === undefined) return failed < search.start * leastOfStart
  return failed / highest <= 1 + search.resolution
}
