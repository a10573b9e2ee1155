import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { SourceCondition, SourceConfig, SourceOriginConfig } from './source-config.js'
import { parseReference, parseTemplate, type Reference, type Template } from './template.js'

const maxNameLength = 50
const maxSources = 100

/** A text that a parser understands. */
function parsed<T>(parse: (text: string) => T | string) {
  return z.string({ error: 'must be text' }).transform((text, context): T => {
    const result = parse(text)
    if (typeof result !== 'string') return result
    context.addIssue(result)
    return z.NEVER
  })
}

const nonEmpty = (what: string) => z.string({ error: `must be ${what}` }).min(1, `must be ${what}`)
const badContentType = 'must be a content type: 1 to 255 characters of printable ASCII'
const scalar = z.union([z.string(), z.number(), z.boolean()], { error: 'must be a text, a number, true or false' })
const scalars = z.union([scalar, z.array(scalar).min(1)], {
  error: 'must be a text, a number, true, false, or a list of them',
})
const reference = parsed<Reference>(parseReference)

const condition = z
  .strictObject({
    of: reference,
    exists: z.boolean({ error: 'must be true or false' }).optional(),
    equals: scalars.optional(),
    not: scalars.optional(),
  })
  .transform((given, context): SourceCondition => {
    const { of, exists, equals, not } = given
    if ([exists, equals, not].filter((each) => each !== undefined).length !== 1) {
      context.addIssue('must say one of exists, equals and not')
      return z.NEVER
    }
    if (exists !== undefined) return { type: 'exists', of, not: !exists }
    const anyOf = [equals ?? not ?? []].flat().map(String)
    return { type: 'equals', of, anyOf, not: not !== undefined }
  })

const kafka = z
  .strictObject({ topic: nonEmpty('the name of a topic') })
  .transform(({ topic }): SourceOriginConfig => ({ kind: 'topic', topic }))

const rabbitmq = z
  .strictObject({
    queue: nonEmpty('the name of a queue').optional(),
    exchange: nonEmpty('the name of an exchange').optional(),
    bindingKeys: z
      .array(z.string({ error: 'must be text' }))
      .min(1, 'must hold a key')
      .optional(),
  })
  .transform(({ queue, exchange, bindingKeys = ['#'] }, context): SourceOriginConfig => {
    if (queue !== undefined && exchange === undefined) return { kind: 'queue', queue }
    if (queue === undefined && exchange !== undefined) return { kind: 'exchange', exchange, bindingKeys }
    context.addIssue('must name a queue or an exchange')
    return z.NEVER
  })

const source = z
  .strictObject({
    name: z
      .string({ error: 'must be text' })
      .regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, dashes or underscores')
      .max(maxNameLength, `must be at most ${maxNameLength} characters`),
    kafka: kafka.optional(),
    rabbitmq: rabbitmq.optional(),
    room: parsed<Template>(parseRoom),
    event: parsed<Template>(parseEvent).optional(),
    contentType: z
      .string({ error: badContentType })
      .regex(/^[\x20-\x7e]{1,255}$/, badContentType)
      .optional(),
    filter: z.array(condition, { error: 'must be a list of conditions' }).optional(),
    from: z.enum(['earliest', 'latest'], { error: 'must be earliest or latest' }).optional(),
  })
  .transform(
    ({ name, room, event, contentType, filter = [], from = 'earliest', ...brokers }, context): SourceConfig => {
      const origin = brokers.kafka ?? brokers.rabbitmq
      if (origin === undefined || (brokers.kafka !== undefined && brokers.rabbitmq !== undefined)) {
        context.addIssue('must say one of kafka and rabbitmq')
        return z.NEVER
      }
      return { name, origin, room, event, contentType, filter, from }
    },
  )

const file = z.array(source, { error: 'must hold a JSON list of sources' }).max(maxSources)

function parseRoom(text: string): Template | string {
  if (text === '' || text.startsWith('$')) return 'must be a room: not empty, and without a $ at its beginning'
  return parseTemplate(text)
}

function parseEvent(text: string): Template | string {
  if (text === '' || text.startsWith('$')) return 'must be an event name: not empty, and without a $ at its beginning'
  return parseTemplate(text)
}

export interface SourcesFor {
  readonly broker: 'embedded' | 'kafka' | 'rabbitmq'
  readonly prefix: string
}

/** Reads the file of sources. Adds a sentence to `faults` for everything that is wrong with it, with where. */
export function loadSources(path: string, { broker, prefix }: SourcesFor, faults: string[]): readonly SourceConfig[] {
  const found: string[] = []
  const sources = readSources(path, found)
  const names = new Set<string>()
  for (const { name, origin } of sources) {
    if (names.has(name)) found.push(`the name ${name} is there more than once`)
    names.add(name)
    const fault = originFault(origin, broker, prefix)
    if (fault !== undefined) found.push(`source ${name} ${fault}`)
  }
  faults.push(...found.map((fault) => `ROOMWAY_SOURCES in ${path}: ${fault}`))
  return sources
}

function readSources(path: string, faults: string[]): readonly SourceConfig[] {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    faults.push(`it cannot be read: ${(error as Error).message}`)
    return []
  }
  const result = file.safeParse(content)
  if (result.success) return result.data
  faults.push(...result.error.issues.map((issue) => faultOf(content, issue)))
  // What is right on its own is looked at further, so that all faults are told at once.
  return Array.isArray(content) ? content.flatMap((each) => source.safeParse(each).data ?? []) : []
}

/** Names the source where it has a name, and the place in it. */
function faultOf(content: unknown, { path, message }: z.core.$ZodIssue): string {
  const [index, ...rest] = path
  if (index === undefined) return message
  const { name } = Object((content as unknown[])[index as number]) as { name?: unknown }
  const where = [
    typeof name === 'string' ? `source ${name}` : `source ${Number(index) + 1} of the list`,
    ...rest.map(String),
  ]
  return `${where.join(', ')}: ${message}`
}

function originFault(origin: SourceOriginConfig, broker: SourcesFor['broker'], prefix: string): string | undefined {
  const needed = origin.kind === 'topic' ? 'kafka' : 'rabbitmq'
  if (broker !== needed) return `is of ${needed}, but ROOMWAY_BROKER is ${broker}`
  const named = origin.kind === 'topic' ? origin.topic : origin.kind === 'queue' ? origin.queue : origin.exchange
  return named.startsWith(`${prefix}.`) ? `names ${named}, which is Roomway's own` : undefined
}
