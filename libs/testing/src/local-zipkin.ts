import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder } from './cache-folder.js'
import { findProgram, run } from './command.js'
import { LocalProcess } from './local-process.js'
import { freePort } from './ports.js'

const ZIPKIN = 'io.zipkin:zipkin-server:3.6.1:jar:exec'

const JAVA_OPTIONS = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-XX:-UsePerfData']

/** A Zipkin server of one's own: a trace store with an API that keeps what it is sent in memory. */
export class LocalZipkin extends LocalProcess {
  /** `http://127.0.0.1:<port>`, without a path: spans go to `/api/v2/spans`, traces come from `/api/v2/trace/{id}`. */
  readonly url: string

  /** @internal Use {@link startZipkin}. */
  constructor(folder: string, port: number, jar: string) {
    const url = `http://127.0.0.1:${port}`
    super({
      name: 'Zipkin',
      folder,
      command: ['java', '-Xmx256m', ...JAVA_OPTIONS, `-Djava.io.tmpdir=${folder}`, '-jar', jar],
      env: {
        ...process.env,
        QUERY_PORT: String(port),
        ARMERIA_SERVER_HOST: '127.0.0.1',
        SELF_TRACING_ENABLED: 'false',
      },
      isReady: async () => (await fetch(`${url}/health`)).ok,
      findPid: (launcher) => Promise.resolve(launcher),
    })
    this.url = url
  }
}

/** Starts a {@link LocalZipkin}; resolves when it answers, after about 8 s. */
export async function startZipkin(): Promise<LocalZipkin> {
  const jar = await installZipkin()
  const folder = await mkdtemp(join(tmpdir(), 'roomway-zipkin-'))
  const zipkin = new LocalZipkin(folder, await freePort(), jar)
  await zipkin.start().catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true })
    throw error
  })
  return zipkin
}

/** Path of Zipkin's jar in the cache folder; fetched with Maven (130 MB) when it is missing. */
export async function installZipkin(): Promise<string> {
  const jar = join(cacheFolder(), 'zipkin-server-3.6.1-exec.jar')
  if (existsSync(jar)) return jar
  const maven = findProgram('mvn')
  if (maven === undefined) throw new Error('The jar of Zipkin is fetched with Maven: apt-get install maven')
  const beside = `${jar}.${process.pid}`
  await mkdir(beside, { recursive: true })
  try {
    const copy = ['-B', '-q', 'dependency:copy', `-Dartifact=${ZIPKIN}`, `-DoutputDirectory=${beside}`]
    await run(maven, copy, { cwd: beside })
    await rename(join(beside, 'zipkin-server-3.6.1-exec.jar'), jar)
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
  return jar
}
