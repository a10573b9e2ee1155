import type { Membership } from '../rooms/membership.js'

/**
 * The memberships of one connection, in the shape that takes the least room for how many there are: most connections are in one room, for which a
 * list takes as much as two thirds of the connection; one in a thousand finds each by its room's name.
 */
export type HeldMemberships = undefined | Membership | readonly Membership[] | Map<string, Membership>

/** To look through so many takes no longer than a look into a map. */
const maxListed = 16

const isList = (held: HeldMemberships): held is readonly Membership[] => Array.isArray(held)

export function allOf(held: HeldMemberships): readonly Membership[] {
  if (held === undefined) return []
  if (held instanceof Map) return [...held.values()]
  return isList(held) ? held : [held]
}

export function countOf(held: HeldMemberships): number {
  if (held === undefined) return 0
  if (held instanceof Map) return held.size
  return isList(held) ? held.length : 1
}

export function find(held: HeldMemberships, room: string): Membership | undefined {
  if (held instanceof Map) return held.get(room)
  return allOf(held).find((membership) => membership.room.name === room)
}

/** `membership` is of a room of which `held` has none. */
export function including(held: HeldMemberships, membership: Membership): HeldMemberships {
  if (held === undefined) return membership
  if (held instanceof Map) return held.set(membership.room.name, membership)
  // An array that grows by push or spread reserves room for sixteen more.
  const list = allOf(held).concat(membership)
  return list.length > maxListed ? new Map(list.map((one) => [one.room.name, one])) : list
}

export function excluding(held: HeldMemberships, membership: Membership): HeldMemberships {
  if (find(held, membership.room.name) !== membership) return held
  if (held instanceof Map) {
    held.delete(membership.room.name)
    return held.size > maxListed / 2 ? held : allOf(held)
  }
  const left = allOf(held).filter((other) => other !== membership)
  return left.length > 1 ? left : left[0]
}
