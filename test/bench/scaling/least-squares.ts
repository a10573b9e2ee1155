/** By the name of the constant that it is multiplied with. */
export type Named<Name extends string> = Readonly<Record<Name, number>>

/** One observation: what is known of it, and what was measured. */
export interface Observation<Name extends string = string> {
  readonly features: Named<Name>
  readonly value: number
}

/** Added to a value before it divides its error, as a share of the largest value: small values need not fit to the last digit. */
const floorShare = 0.05

/**
 * The constants, none below zero, by which the sum of the squares of the relative errors is least. A constant that would be negative is taken
 * as zero, the most negative first: costs are not negative. @throws where the observations cannot tell the constants apart.
 */
export function fitConstants<Name extends string>(observations: readonly Observation<Name>[]): Named<Name> {
  const names = Object.keys(observations[0]?.features ?? {}) as Name[]
  let used = names
  for (;;) {
    const found = solve(observations, used)
    const worst = used.reduce((least, _, n) => (found[n]! < found[least]! ? n : least), 0)
    if (used.length === 0 || found[worst]! >= 0)
      return Object.fromEntries(names.map((name) => [name, found[used.indexOf(name)] ?? 0])) as Named<Name>
    used = used.filter((_, n) => n !== worst)
  }
}

export function predict<Name extends string>(constants: Named<Name>, features: Named<Name>): number {
  return (Object.keys(features) as Name[]).reduce((sum, name) => sum + features[name] * constants[name], 0)
}

/** The normal equations, by Gauss's elimination. */
function solve<Name extends string>(observations: readonly Observation<Name>[], used: readonly Name[]): number[] {
  const floor = floorShare * Math.max(...observations.map(({ value }) => value))
  const rows = observations.map(({ features, value }) => {
    const weight = 1 / (value + floor)
    return { features: used.map((name) => features[name] * weight), value: value * weight }
  })
  const scales = used.map((_, n) => Math.hypot(...rows.map(({ features }) => features[n]!)))
  const matrix = used.map((_, i) => [
    ...used.map((_, j) =>
      rows.reduce((sum, { features }) => sum + (features[i]! / scales[i]!) * (features[j]! / scales[j]!), 0),
    ),
    rows.reduce((sum, { features, value }) => sum + (features[i]! / scales[i]!) * value, 0),
  ])
  return eliminate(matrix).map((value, n) => value / scales[n]!)
}

function eliminate(matrix: number[][]): number[] {
  const size = matrix.length
  for (let column = 0; column < size; column++) {
    const below = matrix.slice(column).map((row) => Math.abs(row[column]!))
    const pivot = column + below.indexOf(Math.max(...below))
    if (!(Math.abs(matrix[pivot]![column]!) > 1e-9)) throw new Error('the observations cannot tell the constants apart')
    ;[matrix[column], matrix[pivot]] = [matrix[pivot]!, matrix[column]!]
    for (let row = 0; row < size; row++) {
      if (row === column) continue
      const factor = matrix[row]![column]! / matrix[column]![column]!
      matrix[row] = matrix[row]!.map((value, n) => value - factor * matrix[column]![n]!)
    }
  }
  return matrix.map((row, n) => row[size]! / row[n]!)
}
