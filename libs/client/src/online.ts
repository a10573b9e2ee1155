interface EventSource {
  addEventListener?(name: string, listener: () => void): void
  removeEventListener?(name: string, listener: () => void): void
}

/** Calls back when a browser says that the network is there again. Returns how to stop; where there is no such event nothing happens. */
export function onOnline(callback: () => void, source: EventSource = globalThis as EventSource): () => void {
  source.addEventListener?.('online', callback)
  return () => source.removeEventListener?.('online', callback)
}
