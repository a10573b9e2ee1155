import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { logNames, type RawLogs, type RawRecord } from './checker/raw-log.js'

interface KcatRecord {
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  /** Names and values in turn. */
  readonly headers?: readonly string[]
  readonly payload: string | null
}

/** The logs as kcat reads them, from their start to their end. */
export async function readKafka(address: string): Promise<RawLogs> {
  const logs = await Promise.all(logNames.map((name) => readTopic(address, `roomway.${name}`)))
  return { events: logs[0]!, commands: logs[1]!, dead: logs[2]! }
}

async function readTopic(address: string, topic: string): Promise<RawRecord[]> {
  const args = [
    '-C',
    '-b',
    address,
    '-t',
    topic,
    '-o',
    'beginning',
    '-e',
    '-q',
    '-J',
    '-X',
    'isolation.level=read_committed',
  ]
  const child = spawn('kcat', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const records: RawRecord[] = []
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const exited = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout }))
    records.push(recordOf(JSON.parse(line) as KcatRecord))
  const [code] = (await exited) as [number | null]
  if (code !== 0) throw new Error(`kcat could not read ${topic}: ${errors}`)
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}

function recordOf({ partition, offset, key, headers = [], payload }: KcatRecord): RawRecord {
  const table: Record<string, string> = {}
  for (let at = 0; at < headers.length; at += 2) table[headers[at]!] = headers[at + 1]!
  return { partition, offset, key: key ?? undefined, headers: table, value: payload ?? '' }
}
