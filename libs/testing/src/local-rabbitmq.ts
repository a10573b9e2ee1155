import { readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './deadline.js'
import { LocalProcess } from './local-process.js'
import { accepts, freePorts } from './ports.js'

/** Where the system's package puts its versions. */
export const RABBITMQ_FOLDER = '/usr/lib/rabbitmq/lib'

/**
 * A RabbitMQ node of one's own: the system's program as a child process on free ports of 127.0.0.1, with its own epmd,
 * cookie and data in a folder under the system's temporary folder, whichever user runs it. It dies with this process,
 * however this process ends.
 */
export class LocalRabbitmq extends LocalProcess {
  /** `amqp://guest:guest@127.0.0.1:<port>`; the same over every restart. */
  readonly url: string

  /** @internal Use {@link startRabbitmq}. */
  constructor(folder: string, ports: Ports) {
    const env = environment(folder, ports)
    super({
      name: 'RabbitMQ',
      folder,
      command: ['sh', '-c', 'epmd -address 127.0.0.1 & rm -f "$RABBITMQ_PID_FILE"; exec "$0"', serverProgram()],
      env,
      isReady: async () => (await readPid(folder)) !== undefined && (await accepts(ports.amqp)),
      findPid: async () => (await eventually(() => readPid(folder), 1000, 'the pid file of RabbitMQ'))!,
    })
    this.url = `amqp://guest:guest@127.0.0.1:${ports.amqp}`
  }
}

type Ports = { amqp: number; distribution: number; epmd: number }

/** Starts a {@link LocalRabbitmq}; resolves when it accepts connections, after about 5 s. */
export async function startRabbitmq(): Promise<LocalRabbitmq> {
  serverProgram()
  const folder = await mkdtemp(join(tmpdir(), 'roomway-rabbitmq-'))
  const [amqp, distribution, epmd] = (await freePorts(3)) as [number, number, number]
  await mkdir(join(folder, 'home'))
  await writeFile(join(folder, 'plugins'), '[].\n')
  await writeFile(join(folder, 'advanced.config'), advancedConfig(amqp))
  const rabbitmq = new LocalRabbitmq(folder, { amqp, distribution, epmd })
  await rabbitmq.start().catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true })
    throw error
  })
  return rabbitmq
}

/** Room on the disk is the machine's concern, not the test's; and no node of a test needs half of the memory. */
function advancedConfig(port: number): string {
  const settings = `{tcp_listeners, [{"127.0.0.1", ${port}}]}, {disk_free_limit, 50000000}, {vm_memory_high_watermark, 0.2}`
  return `[{rabbit, [${settings}]}].\n`
}

function environment(folder: string, ports: Ports): NodeJS.ProcessEnv {
  const kernel = '-kernel inet_dist_use_interface {127,0,0,1}'
  return {
    PATH: `${process.env.PATH ?? ''}:/usr/sbin:/usr/bin:/bin`,
    LANG: 'C.UTF-8',
    HOME: join(folder, 'home'),
    ERL_EPMD_PORT: String(ports.epmd),
    RABBITMQ_NODENAME: `roomway-${ports.amqp}@localhost`,
    RABBITMQ_DIST_PORT: String(ports.distribution),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_CONFIG_FILE: join(folder, 'absent'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: kernel,
  }
}

/** The program itself: the one on the search path changes to the system's user first. */
function serverProgram(): string {
  const version = folders(RABBITMQ_FOLDER).find((name) => name.startsWith('rabbitmq_server-'))
  if (version === undefined) throw new Error(`No RabbitMQ in ${RABBITMQ_FOLDER}: apt-get install rabbitmq-server`)
  return join(RABBITMQ_FOLDER, version, 'sbin', 'rabbitmq-server')
}

function folders(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

async function readPid(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, 'pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  return Number.isNaN(pid) ? undefined : pid
}
