/** What each member of a lease's group tells the others. */
export interface LeaseMember {
  readonly id: string
  readonly owned: readonly number[]
}

/**
 * Shares partitions out evenly, moving as few as can be. The same members give the same answer, whoever computes it.
 * @returns partitions by member
 */
export function assignPartitions(members: readonly LeaseMember[], partitions: number): Map<string, number[]> {
  const free = new Set(Array.from({ length: partitions }, (_, partition) => partition))
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
  const shares = sorted.map(({ id, owned }) => ({ id, kept: owned.filter((partition) => free.delete(partition)) }))
  shares.sort((a, b) => b.kept.length - a.kept.length)
  const limitOf = (rank: number): number =>
    Math.floor(partitions / members.length) + (rank < partitions % members.length ? 1 : 0)
  for (const [rank, { kept }] of shares.entries()) {
    for (const partition of kept.splice(limitOf(rank))) free.add(partition)
  }
  const left = [...free].sort((a, b) => a - b)
  for (const [rank, { kept }] of shares.entries()) kept.push(...left.splice(0, limitOf(rank) - kept.length))
  return new Map(shares.map(({ id, kept }) => [id, kept]))
}
