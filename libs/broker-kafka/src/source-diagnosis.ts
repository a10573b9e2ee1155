/** What `doctor` says about topics of others. */
import type { Diagnosis, SourceDefinition } from '@roomway/broker'
import type { Cluster } from './cluster.js'
import { messageOf } from './connection-fault.js'
import { errorCodes, errorName } from './error-codes.js'
import type { TopicMetadata } from './metadata-request.js'

/** Never throws: what it cannot find out is a finding. */
export async function diagnoseSources(
  cluster: Cluster,
  sources: readonly SourceDefinition[],
): Promise<readonly Diagnosis[]> {
  const findings: Diagnosis[] = []
  for (const { name, origin } of sources) {
    if (origin.kind === 'topic') findings.push(await diagnoseSource(cluster, `source ${name}`, origin.topic))
  }
  return findings
}

async function diagnoseSource(cluster: Cluster, check: string, topic: string): Promise<Diagnosis> {
  try {
    const { topics } = await cluster.metadata([topic])
    return finding(
      check,
      topic,
      topics.find(({ name }) => name === topic),
    )
  } catch (error) {
    return { check, status: 'fail', detail: messageOf(error), remedy: 'Check that Kafka can be reached.' }
  }
}

function finding(check: string, topic: string, found: TopicMetadata | undefined): Diagnosis {
  if (found === undefined || found.errorCode === errorCodes.unknownTopicOrPartition) {
    const remedy = 'Make the topic, or correct its name in the file of sources: it is copied when it is there.'
    return { check, status: 'fail', detail: `topic ${topic} does not exist`, remedy }
  }
  if (found.errorCode === errorCodes.none || found.errorCode === errorCodes.leaderNotAvailable)
    return { check, status: 'ok', detail: `topic ${topic}, ${found.leaders.length} partitions` }
  const remedy = 'Allow this user to describe and read the topic.'
  return { check, status: 'fail', detail: `topic ${topic}: ${errorName(found.errorCode)}`, remedy }
}
