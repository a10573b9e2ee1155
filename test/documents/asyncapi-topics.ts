import type { LogName } from '@roomway/broker'
import { headerNames } from '@roomway/records'
import type { JsonObject } from './asyncapi-frames.js'

const text = (description: string, more: JsonObject = {}) => ({ type: 'string', description, ...more })
const offsetText = { pattern: '^(-1|\\d{1,15})$' }

/** What each header holds. */
export const headerSchemas: Readonly<Record<string, JsonObject>> = {
  [headerNames.event]: text('the event’s name', { default: 'message' }),
  [headerNames.contentType]: text('what the value is, in 1 to 255 characters of printable ASCII', {
    default: 'application/json',
  }),
  [headerNames.id]: text('unique within its room: a repeat is dropped. Of a command and its outcome: the command’s id'),
  [headerNames.user]: text('who published, as a gateway authenticated them'),
  [headerNames.time]: text('when Roomway took or wrote it, in ms since 1970', { pattern: '^\\d{1,15}$' }),
  [headerNames.seen]: text(
    'of an outcome or a claim: up to which offset of its partition its writer had read',
    offsetText,
  ),
  [headerNames.after]: text('of a command: <epoch>:<offset>; no outcome of it lies at or below', {
    pattern: '^.+:(-1|\\d{1,15})$',
  }),
  [headerNames.reply]: text('of a command: 1 where its sender waits for a reply. Of an outcome: the reply, as JSON'),
  'roomway-door': text('of a command and its outcome: by which door it came, where that was no gateway'),
  'roomway-forward': text('of a command that is a part of another’s answer: 1'),
  [headerNames.traceparent]: text('W3C trace context'),
  [headerNames.source]: text(
    'of a copy: <epoch>:<partition>:<offset> in the intake of what it is a copy of; of a source’s: source:<name>: before it',
  ),
  [headerNames.reason]: text('why the record was set aside. Of a note: what was done about a letter'),
  'roomway-detail': text('what a person should know beside the reason'),
  [headerNames.original]: text('the record as it was: key, headers, timeMs and bytes, as JSON'),
  session: text('of a claim: the session that it is for'),
  seed: text('of a note that a claim of an Idempotency-Key is settled: what the ids of its events are made of'),
}

const cloudEvents: JsonObject = Object.fromEntries(
  ['ce_', 'cloudEvents:', 'cloudEvents_'].flatMap((prefix) => [
    [`${prefix}type`, text('CloudEvents: the event’s name, where roomway-event says none')],
    [`${prefix}source`, text('CloudEvents: with the id, the event’s id, where roomway-id says none')],
    [`${prefix}id`, text('CloudEvents: with the source, the event’s id')],
  ]),
)

interface Topic {
  readonly title: string
  readonly description: string
  readonly key: string
  readonly headers: readonly string[]
  readonly required?: readonly string[]
  readonly takesCloudEvents?: true
  readonly payload: JsonObject
}

const { event, contentType, id, user, time, seen, after, reply, traceparent, source, reason, original } = headerNames
const anyPayload = { description: 'anything, in its content type' }

/** The topics that are in use. */
export const topics = {
  events: {
    title: 'Events of rooms',
    description:
      'Read by every gateway. A record lies in the home partition of its key (murmur2, as Kafka’s Java client). Outcomes of commands are records of it too. The direct door: services write to it.',
    key: 'the room; the system’s own keys begin with $',
    headers: [event, contentType, id, user, time, seen, reply, 'roomway-door', 'roomway-forward', traceparent, source],
    takesCloudEvents: true,
    payload: anyPayload,
  },
  intake: {
    title: 'The open door',
    description: 'For any client and any partitioner; copied to events in order. On RabbitMQ a fanout exchange.',
    key: 'the room',
    headers: [event, contentType, id, traceparent],
    takesCloudEvents: true,
    payload: anyPayload,
  },
  commands: {
    title: 'What clients publish',
    description: 'Written by gateways, handled in order by the application tier.',
    key: 'the room',
    headers: [event, contentType, id, user, time, after, reply, 'roomway-door', 'roomway-forward', traceparent, source],
    required: [id, time, after],
    payload: anyPayload,
  },
  control: {
    title: 'What every gateway must know',
    description: 'Claims of sessions and of idempotency keys.',
    key: 'what it is',
    headers: [event, id, time, seen, 'session', 'seed'],
    payload: { description: 'by its key' },
  },
  meta: {
    title: 'What is kept for ever',
    description: 'The deployment’s key, and the rules of its rooms.',
    key: 'what it is',
    headers: [event, id],
    payload: { description: 'by its key' },
  },
  dead: {
    title: 'Dead letters',
    description:
      'Records that were set aside, each once, while their room went on; and notes which of them are settled.',
    key: '$dead, or of a note $dead-note',
    headers: [event, id, reason, 'roomway-detail', original, time],
    required: [id, reason],
    payload: { description: 'the value as it was, up to 900,000 bytes' },
  },
  sources: {
    title: 'How far sources were copied',
    description: 'Checkpoints of the application tier, where there are sources.',
    key: 'always $checkpoint',
    headers: [event],
    payload: { description: 'the checkpoint, as JSON' },
  },
} as const satisfies Partial<Record<LogName, Topic>>

export const topicMessages: JsonObject = Object.fromEntries(
  Object.entries(topics as Readonly<Record<string, Topic>>).map(([name, topic]) => [
    `${name}Record`,
    message(name, topic),
  ]),
)

function message(name: string, topic: Topic): JsonObject {
  const properties = {
    ...Object.fromEntries(topic.headers.map((header) => [header, headerSchemas[header]])),
    ...(topic.takesCloudEvents && cloudEvents),
  }
  return {
    name: `${name}Record`,
    title: topic.title,
    headers: { type: 'object', properties, ...(topic.required && { required: topic.required }) },
    payload: topic.payload,
    bindings: { kafka: { key: text(topic.key) } },
  }
}

const ref = (path: string) => ({ $ref: `#/${path}` })

export const topicChannels: JsonObject = Object.fromEntries(
  Object.entries(topics as Readonly<Record<string, Topic>>).map(([name, { title, description }]) => [
    name,
    {
      address: `{prefix}.${name}`,
      title,
      description,
      servers: name === 'intake' ? [ref('servers/kafka'), ref('servers/rabbitmq')] : [ref('servers/kafka')],
      parameters: { prefix: { description: 'ROOMWAY_PREFIX', default: 'roomway' } },
      messages: { [`${name}Record`]: ref(`components/messages/${name}Record`) },
      ...(name === 'intake' && {
        bindings: { amqp: { is: 'routingKey', exchange: { type: 'fanout', durable: true } } },
      }),
    },
  ]),
)

const operation = (action: 'send' | 'receive', name: keyof typeof topics, summary: string) => ({
  action,
  summary,
  channel: ref(`channels/${name}`),
  messages: [ref(`channels/${name}/messages/${name}Record`)],
})

export const topicOperations: JsonObject = {
  takeIntake: operation('receive', 'intake', 'Anyone’s events, to be copied to the home of their room.'),
  readEvents: operation('receive', 'events', 'Every gateway reads every event; services may write them there.'),
  appendOutcomes: operation('send', 'events', 'Copies of the intake, and what became of commands.'),
  appendCommands: operation('send', 'commands', 'A gateway writes what a client publishes.'),
  handleCommands: operation('receive', 'commands', 'The application tier handles it.'),
  setAside: operation('send', 'dead', 'What is no event although it was meant as one.'),
}
