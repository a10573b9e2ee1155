import type { Client } from '@roomway/client'
import type { Sample } from '../src/host-metrics/sample.js'
import type { ConnectionPanel } from './connection-panel.js'
import { SampleHistory } from './sample-history.js'
import { SequenceCheck } from './sequence-check.js'

const room = 'host:metrics'

export type SampleEvents = { sample: Sample }

/**
 * Joins host metrics with the history of the last `spanMs`, and calls `draw` when there is something new, once a frame at most: a replay
 * of hundreds of events draws once, and a hidden page not at all.
 */
export async function followSamples(
  client: Pick<Client<SampleEvents>, 'join'>,
  panel: ConnectionPanel,
  spanMs: number,
  draw: (history: SampleHistory, latest: Sample) => void,
): Promise<void> {
  const history = new SampleHistory(spanMs)
  const sequence = new SequenceCheck()
  const joined = await client.join(room, { from: { withinMs: spanMs } })
  panel.watch(joined, sequence)
  let isDue = false
  joined.on('event', ({ event, data }) => {
    if (event !== 'sample') return
    sequence.note(data.run, data.seq)
    history.add(data)
    if (isDue) return
    isDue = true
    requestAnimationFrame(() => {
      isDue = false
      draw(history, history.latest!)
      panel.refresh()
    })
  })
}
