/** What a process read and wrote by the plain calls (Linux: /proc): Node's own sockets, not those of uWebSockets.js, which receives and sends by others. */
import { readFileSync } from 'node:fs'

export interface ProcessIo {
  readonly readBytes: number
  readonly writtenBytes: number
}

export function processIo(pid: number): ProcessIo {
  const text = readFileSync(`/proc/${pid}/io`, 'utf8')
  const of = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)![1])
  return { readBytes: of('rchar'), writtenBytes: of('wchar') }
}
