import type { AppendRecord, Log } from '@roomway/broker'

export function record(partition: number, text: string, key = 'room:1'): AppendRecord {
  return { partition, key, headers: { 'roomway-event': 'message' }, value: Buffer.from(text) }
}

export async function appendTexts(log: Log, partition: number, texts: readonly string[]): Promise<void> {
  await log.append(texts.map((text) => record(partition, text)))
}

/** What a bounded read shows, and where it ended. */
export async function readTexts(
  log: Log,
  partition: number,
  from: number,
  to: number,
): Promise<{ texts: string[]; position: number }> {
  const texts: string[] = []
  const position = await log.read(partition, from, to, ({ records }) => {
    texts.push(...records.map(({ value }) => Buffer.from(value).toString()))
  })
  return { texts, position }
}

export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`)
}
