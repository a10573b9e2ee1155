/** A record as a reader that knows nothing of Roomway gives it. */
export interface RawRecord {
  readonly partition: number
  readonly offset: number
  readonly key: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly value: string
}

export interface RawLogs {
  /** Each partition in the order of its offsets. */
  readonly events: readonly RawRecord[]
  readonly commands: readonly RawRecord[]
  readonly dead: readonly RawRecord[]
}

export const logNames = ['events', 'commands', 'dead'] as const
