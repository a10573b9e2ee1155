import { randomBytes } from 'node:crypto'
import type { Batch, Log } from '@roomway/broker'
import { headerNames } from './envelope.js'

const keyName = '$session-key'
const keyBytes = 32

/**
 * The key of a deployment, the same for every process of it. Keys for one purpose each are derived from it: for resume tokens, which any
 * node can verify so that none has to remember a session, and for what gateways ask the application tier.
 * `given` is the secret that was configured; without one the key lives in the meta log: the first one written there is the deployment's, whoever wrote it.
 */
export async function deploymentKey(meta: Log, given?: { reveal(): string }): Promise<Uint8Array> {
  if (given !== undefined) return new TextEncoder().encode(given.reveal())
  const known = await firstKey(meta)
  if (known !== undefined) return known
  const value = randomBytes(keyBytes)
  await meta.append([{ partition: 0, key: keyName, headers: { [headerNames.event]: keyName }, value }])
  const first = await firstKey(meta)
  if (first === undefined)
    throw new Error('the meta log does not show the session key that was just written to it: check its retention')
  return first
}

async function firstKey(meta: Log): Promise<Uint8Array | undefined> {
  let key: Uint8Array | undefined
  const onBatch = (batch: Batch) => {
    for (const record of batch.records)
      if (key === undefined && record.key === keyName && record.value.length === keyBytes)
        key = Uint8Array.from(record.value)
  }
  const [start, end] = await Promise.all([meta.start(0), meta.end(0)])
  await meta.read(0, start, end, onBatch)
  return key
}
