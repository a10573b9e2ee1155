import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyFormatted, installKafka, kafkaCommand, kafkaProperties } from './kafka-installation.js'
import { LocalProcess } from './local-process.js'
import { accepts, freePorts } from './ports.js'

export type LocalKafkaOptions = {
  /** Java heap in MiB. Default 512. */
  heapMb?: number
  /** Further or other lines of server.properties. Default none. */
  properties?: Readonly<Record<string, string | number | boolean>>
}

/**
 * A Kafka broker of one's own: a real one (KRaft, one node) as a child process on free ports of 127.0.0.1, with its data
 * in a folder under the system's temporary folder. It dies with this process, however this process ends.
 */
export class LocalKafka extends LocalProcess {
  /** `host:port`, as clients want it; the same over every restart. */
  readonly brokers: string[]

  /** @internal Use {@link startKafka}. */
  constructor(folder: string, port: number, command: readonly string[]) {
    super({
      name: 'Kafka',
      folder,
      command,
      env: process.env,
      isReady: () => accepts(port),
      findPid: (launcher) => Promise.resolve(launcher),
    })
    this.brokers = [`127.0.0.1:${port}`]
  }
}

/** Starts a {@link LocalKafka}; resolves when it answers. About 2 s, and a minute more where its jars must be fetched. */
export async function startKafka(options: LocalKafkaOptions = {}): Promise<LocalKafka> {
  const installation = await installKafka()
  const folder = await mkdtemp(join(tmpdir(), 'roomway-kafka-'))
  const [port, controllerPort] = (await freePorts(2)) as [number, number]
  const data = join(folder, 'data')
  const file = join(folder, 'server.properties')
  await copyFormatted(installation, data)
  const more = Object.entries(options.properties ?? {}).map(([key, value]) => `${key}=${value}\n`)
  await writeFile(file, kafkaProperties({ port, controllerPort, data }) + more.join(''))
  const kafka = new LocalKafka(
    folder,
    port,
    kafkaCommand(installation, options.heapMb ?? 512, [`-Djava.io.tmpdir=${folder}`, 'kafka.Kafka', file]),
  )
  await kafka.start().catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true })
    throw error
  })
  return kafka
}
