/** What `doctor` says about a Kafka cluster and Roomway's topics in it. */
import type { Diagnosis, LogName } from '@roomway/broker'
import type { Cluster } from './cluster.js'
import { messageOf } from './connection-fault.js'
import { errorCodes, errorName } from './error-codes.js'
import type { ConfigResource } from './kafkajs-connection.js'
import type { TopicMetadata } from './metadata-request.js'
import { logNames, replicationFor } from './topic-settings.js'

const topicResource = 2
const configNames = [
  'cleanup.policy',
  'max.message.bytes',
  'min.insync.replicas',
  'retention.bytes',
  'retention.ms',
  'unclean.leader.election.enable',
]
/** Topics that no node makes at its start. */
const madeWhenNeeded: ReadonlySet<LogName> = new Set(['lifecycle', 'nodes', 'sources'])
/** A client that was away for longer than this cannot catch up from the log. */
const shortRetentionMs = 3_600_000

type Configs = ReadonlyMap<string, string>

/** Never throws: what it cannot find out is a finding. */
export async function diagnose(cluster: Cluster, prefix: string, partitions: number): Promise<readonly Diagnosis[]> {
  try {
    const { nodes, topics } = await cluster.metadata(logNames.map((name) => `${prefix}.${name}`))
    const byName = new Map(topics.map((topic) => [topic.name, topic]))
    const found = await Promise.all(
      logNames.map((name) =>
        diagnoseTopic(cluster, name, `${prefix}.${name}`, byName.get(`${prefix}.${name}`), nodes.length),
      ),
    )
    const counts = partitionCounts(byName.get(`${prefix}.events`), byName.get(`${prefix}.commands`), prefix, partitions)
    return [reachable(nodes.length), ...found.flat(), ...counts]
  } catch (error) {
    return [
      {
        check: 'kafka',
        status: 'fail',
        detail: messageOf(error),
        remedy:
          'Check KAFKA_BROKERS, the network, and the SASL and TLS settings; the brokers must be Kafka 3.1 or newer.',
      },
    ]
  }
}

function reachable(nodes: number): Diagnosis {
  if (nodes >= 3) return { check: 'kafka', status: 'ok', detail: `reachable, ${nodes} brokers` }
  return {
    check: 'kafka',
    status: 'warn',
    detail: `reachable, ${nodes} broker${nodes === 1 ? '' : 's'}: what is appended can be lost with one machine`,
    remedy: 'Run at least three brokers in production.',
  }
}

async function diagnoseTopic(
  cluster: Cluster,
  name: LogName,
  topic: string,
  found: TopicMetadata | undefined,
  nodes: number,
): Promise<Diagnosis[]> {
  const check = `kafka topic ${topic}`
  if (found === undefined || found.errorCode === errorCodes.unknownTopicOrPartition) {
    if (madeWhenNeeded.has(name)) return [{ check, status: 'ok', detail: 'not made yet: nothing has needed it' }]
    return [
      { check, status: 'warn', detail: 'does not exist', remedy: 'Start a gateway or app node: it makes its topics.' },
    ]
  }
  if (found.errorCode !== errorCodes.none && found.errorCode !== errorCodes.leaderNotAvailable) {
    const remedy = 'Allow this user to describe, read and write the topic.'
    return [{ check, status: 'fail', detail: errorName(found.errorCode), remedy }]
  }
  const faults = [...placementFaults(check, found, nodes), ...(await configFaults(cluster, check, name, topic, found))]
  return faults.length > 0 ? faults : [{ check, status: 'ok', detail: `${found.leaders.length} partitions` }]
}

function placementFaults(check: string, { leaders, replicas }: TopicMetadata, nodes: number): Diagnosis[] {
  const faults: Diagnosis[] = []
  const leaderless = leaders.flatMap((leader, partition) => (leader.nodeId < 0 ? [partition] : []))
  if (leaderless.length > 0) {
    const detail = `partitions without a leader: ${leaderless.join(', ')}`
    faults.push({ check, status: 'fail', detail, remedy: 'Bring the brokers back that hold these partitions.' })
  }
  const fewest = Math.min(...replicas)
  if (fewest < replicationFor(nodes)) {
    const detail = `replication factor ${fewest}, the cluster could keep ${replicationFor(nodes)}`
    faults.push({ check, status: 'warn', detail, remedy: 'Raise it with kafka-reassign-partitions.' })
  }
  return faults
}

async function configFaults(
  cluster: Cluster,
  check: string,
  name: LogName,
  topic: string,
  found: TopicMetadata,
): Promise<Diagnosis[]> {
  try {
    const configs = await topicConfigs(cluster, topic)
    const faults = [
      policyFault(configs),
      uncleanFault(configs),
      insyncFault(configs, found),
      retentionFault(configs, name),
    ]
    return faults.flatMap((fault) => (fault === undefined ? [] : [{ check, ...fault }]))
  } catch (error) {
    const detail = `its settings cannot be read: ${messageOf(error)}`
    return [{ check, status: 'warn', detail, remedy: 'Allow this user DescribeConfigs on the topic.' }]
  }
}

/** The settings in force for a topic, those it inherits included. */
export async function topicConfigs(cluster: Cluster, topic: string): Promise<Configs> {
  const connection = await cluster.anyConnection()
  const request = { resources: [{ type: topicResource, name: topic, configNames }] }
  const { resources } = await connection.broker.describeConfigs(request)
  const [resource] = resources as readonly (ConfigResource | undefined)[]
  return new Map(resource?.configEntries.map(({ configName, configValue }) => [configName, configValue ?? '']))
}

type Fault = Omit<Diagnosis, 'check'>

function policyFault(configs: Configs): Fault | undefined {
  const policy = configs.get('cleanup.policy') ?? 'delete'
  if (!policy.includes('compact')) return undefined
  const detail = `cleanup.policy is ${policy}: compaction removes records from the middle of rooms`
  return { status: 'fail', detail, remedy: 'Set cleanup.policy=delete.' }
}

function uncleanFault(configs: Configs): Fault | undefined {
  if (configs.get('unclean.leader.election.enable') !== 'true') return undefined
  const detail = 'unclean.leader.election.enable is true: acknowledged records can be lost'
  return { status: 'warn', detail, remedy: 'Set unclean.leader.election.enable=false.' }
}

function insyncFault(configs: Configs, found: TopicMetadata): Fault | undefined {
  const insync = Number(configs.get('min.insync.replicas') ?? 1)
  const replicas = Math.min(...found.replicas)
  if (insync > replicas) {
    const detail = `min.insync.replicas ${insync} is above the replication factor ${replicas}: nothing can be appended`
    return { status: 'fail', detail, remedy: `Set min.insync.replicas to ${Math.max(1, replicas - 1)}.` }
  }
  if (replicas < 3 || insync > 1) return undefined
  const detail = 'min.insync.replicas is 1: an acknowledged record may have one copy'
  return { status: 'warn', detail, remedy: 'Set min.insync.replicas=2.' }
}

function retentionFault(configs: Configs, name: LogName): Fault | undefined {
  const ageMs = Number(configs.get('retention.ms') ?? -1)
  const bytes = Number(configs.get('retention.bytes') ?? -1)
  if (name === 'sources') {
    if (ageMs < 0) return undefined
    const detail = `retention.ms ${ageMs}: a source that is quiet for that long is copied from its beginning again`
    return { status: 'fail', detail, remedy: 'Set retention.ms=-1.' }
  }
  if (name === 'meta') {
    if (ageMs < 0 && bytes < 0) return undefined
    const detail = `retention.ms ${ageMs}, retention.bytes ${bytes}: what it holds must be kept for ever`
    return { status: 'fail', detail, remedy: 'Set retention.ms=-1 and retention.bytes=-1.' }
  }
  if (ageMs < 0 || ageMs >= shortRetentionMs) return undefined
  const detail = `retention.ms ${ageMs}: clients that were away for longer miss events`
  return { status: 'warn', detail, remedy: 'Set retention.ms to at least an hour; the default is seven days.' }
}

function partitionCounts(
  events: TopicMetadata | undefined,
  commands: TopicMetadata | undefined,
  prefix: string,
  partitions: number,
): Diagnosis[] {
  const [has, other] = [events?.leaders.length ?? 0, commands?.leaders.length ?? 0]
  if (has === 0 || other === 0) return []
  const check = 'kafka partitions'
  if (has !== other) {
    const detail = `${prefix}.events has ${has} partitions, ${prefix}.commands ${other}: rooms have no common home`
    return [{ check, status: 'fail', detail, remedy: 'Give both the same number with kafka-topics --alter.' }]
  }
  if (has === partitions) return [{ check, status: 'ok', detail: `${has} for events and for commands` }]
  const detail = `the topics have ${has} partitions, ROOMWAY_PARTITIONS says ${partitions}: the topics count`
  return [{ check, status: 'warn', detail, remedy: `Set ROOMWAY_PARTITIONS=${has}.` }]
}
