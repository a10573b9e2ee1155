import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from './bench.js'
import { LoadClient, type LoadOptions } from './load-client.js'
import type { MeasuredServer } from './servers.js'

export interface Visits {
  readonly rounds: number
  /** In each of them. */
  readonly clients: number
}

const restMs = 500

/** Clients that come and go before anything is measured, so that what V8's compiler needs once is had, as on a server that is not new. */
export async function comeAndGo(
  bench: Bench,
  server: MeasuredServer,
  load: LoadOptions,
  { rounds, clients }: Visits,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const client = new LoadClient(bench.loadProgram, server.target, load)
    try {
      await client.open(Math.min(clients, load.rooms))
    } finally {
      await client.close()
    }
  }
  await delay(restMs)
}
