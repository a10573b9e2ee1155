import type { Diagnosis, SourceDefinition, SourceOrigin } from '@roomway/broker'
import { isMissing } from '../faults.js'
import { type Link, withChannel } from '../link.js'
import { queueKind } from './queue-kind.js'

/** What `doctor` says about queues and exchanges of others. Makes, binds and consumes nothing. */
export async function diagnoseSources(link: Link, sources: readonly SourceDefinition[]): Promise<readonly Diagnosis[]> {
  const findings: Diagnosis[] = []
  for (const { name, origin } of sources) findings.push(await diagnoseSource(link, `source ${name}`, origin))
  return findings
}

async function diagnoseSource(link: Link, check: string, origin: SourceOrigin): Promise<Diagnosis> {
  try {
    return { check, status: 'ok', detail: await describe(link, origin) }
  } catch (error) {
    const remedy =
      'Declare it, or correct its name in the file of sources, and allow this user to read it: it is copied when it is there.'
    return { check, status: 'fail', detail: (error as Error).message, remedy }
  }
}

async function describe(link: Link, origin: SourceOrigin): Promise<string> {
  if (origin.kind === 'queue') {
    const kind = await queueKind(link, origin.queue)
    return kind === 'stream' ? `stream ${origin.queue}` : `queue ${origin.queue}, which is consumed`
  }
  if (origin.kind === 'topic') throw new Error(`RabbitMQ has no topics: ${origin.topic}`)
  const { exchange } = origin
  await withChannel(link, (channel) => channel.checkExchange(exchange)).catch((error: unknown) => {
    throw isMissing(error) ? new Error(`RabbitMQ has no exchange ${exchange}`, { cause: error }) : error
  })
  return `exchange ${exchange}`
}
