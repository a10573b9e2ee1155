import type { LeaseObserver } from '@roomway/broker'
import type { ClaimProcess } from '@roomway/broker/conformance'
import type { NodeProcess } from '@roomway/testing'
import { spawnNode } from '@roomway/testing'

/** Claims in a process of its own, which can be killed or frozen. */
export async function claimProcess(
  addresses: readonly string[],
  prefix: string,
  name: string,
  partitions: number,
  observer: LeaseObserver,
): Promise<ClaimProcess> {
  const args = [addresses.join(','), prefix, name, String(partitions)]
  const claimer = await spawnNode('libs/broker-kafka/test/support/claimer.ts', { args })
  void passOn(claimer, observer)
  await claimer.line(/^claiming$/)
  return {
    kill: () => claimer.close(),
    hang: () => {
      claimer.pause()
      return Promise.resolve()
    },
  }
}

/** Ends when the process does. */
async function passOn(claimer: NodeProcess, observer: LeaseObserver): Promise<void> {
  for (let read = 0; claimer.running; ) {
    const lines = await claimer.stdout.until((all) => all.length > read, 1_000).catch(() => [])
    for (const line of lines.slice(read)) {
      read++
      if (line.startsWith('+ ')) observer.onOwned(Number(line.slice(2)))
      if (line.startsWith('- ')) observer.onLost(Number(line.slice(2)))
    }
  }
}
