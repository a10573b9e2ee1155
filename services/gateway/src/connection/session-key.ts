import { randomBytes } from 'node:crypto'
import type { Batch, Log } from '@roomway/broker'
import { headerNames } from '@roomway/records'

const keyName = '$session-key'
const keyBytes = 32

/**
 * The key that signs resume tokens, the same on every node, so that any of them can verify a token and none has to remember a session.
 * It lives in the meta log: the first one written there is the deployment's, whoever wrote it.
 */
export async function deploymentKey(meta: Log): Promise<Uint8Array> {
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
