/** What is started for a run, and closed after it. */
export type Own = <T extends { close(): Promise<void> }>(resource: T) => T

/** Closes what was started, the last first, however the work ends. */
export async function owning<T>(work: (own: Own) => Promise<T>): Promise<T> {
  const opened: { close(): Promise<void> }[] = []
  try {
    return await work((resource) => {
      opened.unshift(resource)
      return resource
    })
  } finally {
    for (const resource of opened) await resource.close()
  }
}
