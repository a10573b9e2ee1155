import { readdir, readFile, rm, truncate } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { LocalKafka } from '@roomway/testing'

/**
 * Cuts a partition of a stopped broker off at an offset, as a power cut does that comes before the disk has the last pages. The first
 * segment must hold it all, and a batch must begin at the offset.
 */
export async function loseTheEnd(kafka: LocalKafka, topic: string, partition: number, offset: number): Promise<void> {
  const folder = join(dirname(kafka.logFile), 'data', `${topic}-${partition}`)
  const segment = (await readdir(folder)).find((name) => name.endsWith('.log'))!
  const bytes = await readFile(join(folder, segment))
  let position = 0
  while (bytes.readBigInt64BE(position) < BigInt(offset)) position += 12 + bytes.readInt32BE(position + 8)
  await truncate(join(folder, segment), position)
  const indexes = (await readdir(folder)).filter((name) => /index$|snapshot$/.test(name))
  await Promise.all(indexes.map((name) => rm(join(folder, name))))
}
