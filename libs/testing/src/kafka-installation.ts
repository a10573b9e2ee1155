/**
 * Kafka's own server, without a package of the system: its jars by Maven coordinates, an archive of its loaded classes
 * (AppCDS, which halves the start), and the freshly formatted data folder that every private broker begins from.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from './cache-folder.js'
import { findProgram, run } from './command.js'
import { eventually } from './deadline.js'
import { accepts, freePorts } from './ports.js'
import { TetheredProcess } from './tethered-process.js'

const KAFKA_VERSION = '4.1.0'
/** Bump when what is built below changes. */
const LAYOUT = 1

export type KafkaInstallation = {
  /** Java's class path, in the order that the archive was made with. */
  classPath: string
  /** AppCDS archive. */
  archive: string
  /** An empty, formatted data folder, to be copied. */
  formatted: string
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.roomway</groupId><artifactId>local-kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.24.3</version></dependency>
  </dependencies>
</project>
`

const LOGGING = `rootLogger.level = WARN
rootLogger.appenderRefs = out
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c)%n%throwable{short}
`

/**
 * Gives the installation in the cache folder, making it first where it is missing (Maven's downloads: 10 s to a minute).
 * It appears there at once and whole, so that several processes may ask at the same time.
 *
 * @throws Error that names the missing program when there is no Java 17 or no Maven.
 */
export async function installKafka(): Promise<KafkaInstallation> {
  const folder = join(cacheFolder(), `kafka-${KAFKA_VERSION}-${LAYOUT}`)
  if ((await readInstallation(folder)) === undefined) await fetchInstallation(folder)
  const installation = await readInstallation(folder)
  if (installation === undefined) throw new Error(`Kafka was installed into ${folder}, but its jars are not there`)
  if (!existsSync(installation.archive)) await writeArchive(folder)
  return installation
}

/** The words of a Java command line that run `main` of Kafka, with a heap of `heapMb` MiB. */
export function kafkaCommand(installation: KafkaInstallation, heapMb: number, main: readonly string[]): string[] {
  const archive = `-XX:SharedArchiveFile=${installation.archive}`
  return [findJava(), `-Xmx${heapMb}m`, archive, '-Xshare:auto', ...javaOptions(installation), ...main]
}

function javaOptions(installation: KafkaInstallation): string[] {
  const logging = `-Dlog4j2.configurationFile=${join(installation.formatted, '..', 'log4j2.properties')}`
  const small = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-XX:-UsePerfData']
  return [...small, '-Xlog:disable', logging, '-cp', installation.classPath]
}

function findJava(): string {
  const java = findProgram('java')
  if (java === undefined) throw new Error('Kafka needs Java 17: apt-get install openjdk-17-jre-headless')
  return java
}

async function readInstallation(folder: string): Promise<KafkaInstallation | undefined> {
  const jars = await readdir(join(folder, 'jars')).catch(() => undefined)
  if (jars === undefined) return undefined
  const classPath = jars
    .sort()
    .map((jar) => join(folder, 'jars', jar))
    .join(':')
  return { classPath, archive: join(folder, 'classes.jsa'), formatted: join(folder, 'formatted') }
}

/** Jars are fetched beside, then moved to where they stay: the archive and the class path hold absolute paths. */
async function fetchInstallation(folder: string): Promise<void> {
  const maven = findProgram('mvn')
  if (maven === undefined) throw new Error('The jars of Kafka are fetched with Maven: apt-get install maven')
  findJava()
  const beside = `${folder}.${randomBytes(6).toString('hex')}`
  await mkdir(beside, { recursive: true })
  try {
    await writeFile(join(beside, 'pom.xml'), POM)
    await writeFile(join(beside, 'log4j2.properties'), LOGGING)
    await run(maven, ['-B', '-q', 'dependency:copy-dependencies', '-DoutputDirectory=jars'], { cwd: beside })
    await format(beside)
    await rename(beside, folder).catch(ignoreLostRace)
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
}

function ignoreLostRace(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
}

async function format(folder: string): Promise<void> {
  const installation = (await readInstallation(folder))!
  const properties = join(folder, 'format.properties')
  await writeFile(properties, kafkaProperties({ port: 9092, controllerPort: 9093, data: installation.formatted }))
  const args = ['kafka.tools.StorageTool', 'format', '-t', newUuid(), '-c', properties]
  await run(findJava(), [...javaOptions(installation), ...args])
}

/** Runs a broker once, to its orderly end, and keeps the classes that it has loaded. */
async function writeArchive(folder: string): Promise<void> {
  const installation = (await readInstallation(folder))!
  const scratch = join(folder, `archive.${randomBytes(6).toString('hex')}`)
  await mkdir(scratch)
  const [port, controllerPort] = await freePorts(2)
  const properties = join(scratch, 'server.properties')
  await copyFormatted(installation, join(scratch, 'data'))
  await writeFile(
    properties,
    kafkaProperties({ port: port!, controllerPort: controllerPort!, data: join(scratch, 'data') }),
  )
  const archive = join(scratch, 'classes.jsa')
  const command = [
    findJava(),
    `-XX:ArchiveClassesAtExit=${archive}`,
    ...javaOptions(installation),
    'kafka.Kafka',
    properties,
  ]
  const broker = await TetheredProcess.start({
    command,
    env: process.env,
    cwd: scratch,
    folder: scratch,
    logFile: join(scratch, 'log'),
  })
  try {
    await eventually(() => accepts(port!), 60_000, 'a broker whose classes are to be archived')
    process.kill(broker.pid, 'SIGTERM')
    await broker.exited
    await rename(archive, installation.archive)
  } finally {
    await broker.end()
    await rm(scratch, { recursive: true, force: true })
  }
}

/** A new data folder at `target`, as if formatted, of a cluster with an id of its own. */
export async function copyFormatted(installation: KafkaInstallation, target: string): Promise<void> {
  await cp(installation.formatted, target, { recursive: true })
  const file = join(target, 'meta.properties')
  const meta = await readFile(file, 'utf8')
  await writeFile(
    file,
    meta.replace(/^(cluster|directory)\.id=.*$/gm, (_, key: string) => `${key}.id=${newUuid()}`),
  )
}

/** Kafka's form of a UUID: 16 bytes in base64url. Never begins with a dash, which command lines would misread. */
function newUuid(): string {
  const uuid = randomBytes(16).toString('base64url')
  return uuid.startsWith('-') ? newUuid() : uuid
}

/** A broker that is its own controller: one replica of everything, topics only where asked for, no waiting for groups. */
export function kafkaProperties(broker: { port: number; controllerPort: number; data: string }): string {
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${broker.controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${broker.port},CONTROLLER://127.0.0.1:${broker.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${broker.port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': broker.data,
    'auto.create.topics.enable': false,
    'delete.topic.enable': true,
    'group.initial.rebalance.delay.ms': 0,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'default.replication.factor': 1,
    'min.insync.replicas': 1,
    'log.cleaner.dedupe.buffer.size': 8 * 1024 * 1024,
    'log.cleaner.backoff.ms': 1000,
    'log.retention.check.interval.ms': 1000,
    'log.segment.delete.delay.ms': 100,
    // A killed broker may register again only when its old session is over: 9 s unless told.
    'broker.session.timeout.ms': 1500,
    'broker.heartbeat.interval.ms': 300,
  })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}
