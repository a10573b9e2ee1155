/* A Redis of the bench's own, from the system's package, that keeps nothing. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accepts, findProgram, LocalProcess, systemPackages } from '@roomway/testing'
import { fixedPort } from './fixed-port.js'

export interface BenchRedis {
  readonly url: string
  readonly process: LocalProcess
}

/** @throws Error that says how to get it, where it cannot be installed. */
export async function startRedis(): Promise<BenchRedis> {
  await systemPackages.ensureSystemPackages([systemPackages.REDIS])
  const program = findProgram('redis-server')!
  const folder = await mkdtemp(join(tmpdir(), 'roomway-redis-'))
  const port = await fixedPort()
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const redis = new LocalProcess({
    name: 'Redis',
    folder,
    command: [program, ...settings],
    env: { PATH: process.env.PATH, LANG: 'C.UTF-8' },
    isReady: () => accepts(port),
    findPid: async (pid) => pid,
  })
  await redis.start()
  return { url: `redis://127.0.0.1:${port}`, process: redis }
}
