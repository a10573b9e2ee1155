/** Starts and commands the load client: the C program, compiled once into the cache folder, or its stand-in for Node. */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder, findProgram, repositoryFolder, run } from '@roomway/testing'
import { commandOf, LineProcess } from './line-process.js'

/** What connects, and how events are told from other frames; see load-client.c. */
export interface LoadTarget {
  readonly port: number
  readonly path: string
  /** The first is sent after the upgrade, each further one when one more frame has come; an empty one is not sent. */
  readonly hello: string | readonly string[]
  readonly readyFrames: number
  readonly eventPrefix: string
  readonly subprotocol: string
  /** A frame that is answered by `pong`, where the protocol has such of its own. */
  readonly ping?: string
  readonly pong?: string
  /** Where one frame may hold several messages, one a line. */
  readonly split?: 'lines'
}

export interface LoadOptions {
  readonly rooms: number
  /** The latency of every n-th event is looked at. */
  readonly sampleEvery: number
  /** Of the rooms that its connections are in, in turn, in place of 0 to `rooms`. */
  readonly numbers?: readonly number[]
  /** A file with a bearer token for each connection. */
  readonly tokensFile: string | undefined
}

/** Totals since the start; latencies since the last `mark`, as far as they were looked at. */
export interface LoadMark {
  readonly events: number
  readonly bytes: number
  /** Frames that are no events. */
  readonly others: number
  readonly closed: number
  readonly leastEvents: number
  readonly mostEvents: number
  readonly cpuMs: number
  readonly latencies: number
  readonly p50Us: number
  readonly p99Us: number
  readonly maxUs: number
}

export type LoadProgram = { readonly kind: 'native' | 'node'; readonly command: readonly [string, ...string[]] }

const benchFolder = join(repositoryFolder(), 'test/bench')

/** The fastest client this machine can have. @param say is told where that is only the stand-in. */
export async function findLoadProgram(say: (line: string) => void): Promise<LoadProgram> {
  const compiler = findProgram('cc', 'gcc', 'clang')
  if (process.platform === 'linux' && compiler !== undefined)
    return { kind: 'native', command: [await compile(compiler)] }
  say(
    'No C compiler (or no Linux): the load client runs on Node, and may be slower than the servers it measures. ' +
      'Runs in which it is are void. Remedy: apt-get install gcc libc6-dev',
  )
  return nodeLoadProgram
}

/** Needs no compiler. */
export const nodeLoadProgram: LoadProgram = {
  kind: 'node',
  command: commandOf('load-client.ts'),
}

async function compile(compiler: string): Promise<string> {
  const source = join(benchFolder, 'load-client.c')
  const hash = createHash('sha256')
    .update(await readFile(source))
    .digest('hex')
    .slice(0, 16)
  const program = join(cacheFolder(), 'bench', `load-client-${hash}`)
  if (existsSync(program)) return program
  await mkdir(join(cacheFolder(), 'bench'), { recursive: true })
  const beside = `${program}.${randomBytes(4).toString('hex')}`
  await run(compiler, ['-O2', '-o', beside, source])
  await rename(beside, program)
  return program
}

/** A running load client; it dies with this process, because its input ends. */
export class LoadClient {
  readonly #process: LineProcess

  constructor(program: LoadProgram, target: LoadTarget, options: LoadOptions) {
    this.#process = new LineProcess('the load client', [...program.command, ...argumentsOf(target, options)])
  }

  get pid(): number {
    return this.#process.pid
  }

  /** What it had to complain about; empty where nothing. */
  get complaints(): string {
    return this.#process.complaints
  }

  /** Opens further connections; resolves when each is where events reach it. */
  async open(connections: number): Promise<void> {
    await this.#process.ask(`open ${connections}`, 120_000)
  }

  /** Begins with the latencies anew. */
  mark(): Promise<LoadMark> {
    return this.#process.ask('mark', 30_000)
  }

  /** From now on latencies are looked at, as they are at first. */
  look(): Promise<LoadMark> {
    return this.#process.ask('look', 30_000)
  }

  /** From now on they are not. */
  rest(): Promise<LoadMark> {
    return this.#process.ask('rest', 30_000)
  }

  close(): Promise<void> {
    return this.#process.close()
  }
}

function argumentsOf(target: LoadTarget, options: LoadOptions): string[] {
  const { tokensFile, rooms, numbers, sampleEvery } = options
  const given = {
    ...target,
    rooms,
    sampleEvery,
    ...(tokensFile !== undefined && { tokens: tokensFile }),
    ...(numbers !== undefined && { numbers: numbers.join(',') }),
  }
  return Object.entries(given).flatMap(([name, value]) => [value].flat().map((one) => `${name}=${one}`))
}
