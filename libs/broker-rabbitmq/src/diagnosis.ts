import type { Diagnosis } from '@roomway/broker'
import type { Epochs } from './epochs.js'
import { within } from './faults.js'
import type { Link } from './link.js'
import { withChannel } from './link.js'
import { type Incarnation, isForeign, type Names, queueExists, type StreamLimits, streamArguments } from './topology.js'

export interface DiagnosisTarget {
  readonly link: Link
  /** An alarm shows on the connection that publishes. */
  readonly publishing: Link
  readonly epochs: Epochs
  readonly names: Names
  readonly partitions: number
  readonly limits: StreamLimits
}

const answerMs = 5_000
const oldestVersion = [3, 10] as const

/** What `doctor` shows about RabbitMQ. Every fault becomes a finding. */
export async function diagnose(target: DiagnosisTarget): Promise<readonly Diagnosis[]> {
  const findings: Diagnosis[] = []
  try {
    const version = await within(versionOf(target.link), answerMs, () => target.link.lastError?.message ?? 'no answer')
    findings.push({ check: 'reachable', status: 'ok', detail: `RabbitMQ ${version} answers` })
    findings.push(versionFinding(version), alarmFinding(target.publishing))
    findings.push(...(await declared(target)))
  } catch (error) {
    findings.push({
      check: findings.length === 0 ? 'reachable' : 'declared',
      status: 'fail',
      detail: (error as Error).message,
      remedy:
        'Check RABBITMQ_URL (host, port, user, password, virtual host), that the broker runs, and that the user may configure, write and read.',
    })
  }
  return findings
}

async function versionOf(link: Link): Promise<string> {
  const model = await link.model()
  return String(model.connection.serverProperties.version)
}

function versionFinding(version: string): Diagnosis {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor, oldestMinor] = oldestVersion
  const isNewEnough = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
  if (isNewEnough) return { check: 'streams', status: 'ok', detail: `version ${version} has streams` }
  return {
    check: 'streams',
    status: 'fail',
    detail: `version ${version} is too old`,
    remedy: 'Use RabbitMQ 3.10 or later.',
  }
}

function alarmFinding({ blockedReason }: Link): Diagnosis {
  if (blockedReason === undefined) return { check: 'alarms', status: 'ok', detail: 'the broker takes publishes' }
  return {
    check: 'alarms',
    status: 'fail',
    detail: `the broker takes no publishes: ${blockedReason}`,
    remedy: 'Free memory or disk space on the broker (rabbitmq-diagnostics alarms).',
  }
}

async function declared(target: DiagnosisTarget): Promise<Diagnosis[]> {
  const { link, names, epochs } = target
  if (!(await queueExists(link, names.anchor))) {
    const detail = `stream ${names.anchor} does not exist: this prefix is unused`
    return [
      {
        check: 'declared',
        status: 'warn',
        detail,
        remedy: 'Start a gateway or app node; it declares what is missing.',
      },
    ]
  }
  const findings: Diagnosis[] = []
  for (const { incarnation, isPresent } of await within(
    epochs.history(),
    answerMs,
    () => `stream ${names.anchor} gave no answer`,
  )) {
    if (isPresent) findings.push(...(await presentFindings(target, incarnation)))
    else findings.push(...(await replacedFindings(target, incarnation)))
  }
  return findings
}

async function presentFindings(target: DiagnosisTarget, incarnation: Incarnation): Promise<Diagnosis[]> {
  const { log, partitions } = incarnation
  const check = `log ${log}`
  if (isForeign(log)) return []
  const findings = [await exchangeFinding(target, incarnation)]
  const missing = await missingStreams(target, incarnation)
  if (missing.length > 0) {
    const remedy =
      'Nothing to do: the next node that uses the log begins a new epoch, and clients get a reset. Find out who deletes streams.'
    findings.push({ check, status: 'fail', detail: `missing: ${missing.join(', ')}`, remedy })
    return findings
  }
  if ((log === 'events' || log === 'commands') && partitions !== target.partitions) {
    const detail = `${partitions} partitions, but ROOMWAY_PARTITIONS is ${target.partitions}`
    findings.push({
      check,
      status: 'warn',
      detail,
      remedy: `The log's own count holds. Set ROOMWAY_PARTITIONS=${partitions}.`,
    })
  }
  findings.push(await settingsFinding(target, incarnation))
  return findings
}

async function exchangeFinding({ link, names }: DiagnosisTarget, { log }: Incarnation): Promise<Diagnosis> {
  const exchange = names.exchange(log)
  const check = `exchange ${exchange}`
  try {
    await withChannel(link, (channel) => channel.checkExchange(exchange))
    return { check, status: 'ok', detail: 'exists' }
  } catch (error) {
    const remedy = 'Nothing to do: the next node that opens the log declares and binds it again.'
    return { check, status: 'fail', detail: (error as Error).message, remedy }
  }
}

async function missingStreams({ link, names }: DiagnosisTarget, incarnation: Incarnation): Promise<string[]> {
  const missing: string[] = []
  for (const stream of streamsOf(names, incarnation)) if (!(await queueExists(link, stream))) missing.push(stream)
  return missing
}

/** RabbitMQ tells no arguments over AMQP, but refuses to declare what exists with others. */
async function settingsFinding({ link, names, limits }: DiagnosisTarget, incarnation: Incarnation): Promise<Diagnosis> {
  const { log, epoch, partitions } = incarnation
  const check = `log ${log}`
  const args = streamArguments(log, limits)
  try {
    for (const stream of streamsOf(names, incarnation)) {
      await withChannel(link, (channel) => channel.assertQueue(stream, { durable: true, arguments: args }))
    }
  } catch (error) {
    const remedy =
      'The streams keep the settings they were declared with. Override retention by a policy (max-age, max-length-bytes), or set the limits as they are.'
    return { check, status: 'warn', detail: (error as Error).message, remedy }
  }
  const { 'x-max-age': age, 'x-max-length-bytes': bytes } = args
  const bounds = [...(age === undefined ? [] : [age]), ...(bytes === undefined ? [] : [`${bytes} bytes a partition`])]
  const retention = bounds.length === 0 ? 'for ever' : bounds.join(', ')
  return { check, status: 'ok', detail: `${partitions} partitions, epoch ${epoch}, kept ${retention}` }
}

async function replacedFindings({ link, names }: DiagnosisTarget, incarnation: Incarnation): Promise<Diagnosis[]> {
  if (isForeign(incarnation.log)) return []
  const left: string[] = []
  for (const stream of streamsOf(names, incarnation)) if (await queueExists(link, stream)) left.push(stream)
  if (left.length === 0) return []
  const detail = `streams of the replaced epoch ${incarnation.epoch} are left: ${left.join(', ')}`
  const remedy = 'Nobody reads them any more. Look at them if you want to, then delete them (rabbitmqctl delete_queue).'
  return [{ check: `log ${incarnation.log}`, status: 'warn', detail, remedy }]
}

function streamsOf(names: Names, { log, epoch, partitions }: Incarnation): string[] {
  return Array.from({ length: partitions }, (_unused, partition) => names.stream(log, epoch, partition))
}
