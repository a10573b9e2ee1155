import { frameChannels, frameMessages, frameOperations, frameSchemas, type JsonObject } from './asyncapi-frames.js'
import { topicChannels, topicMessages, topicOperations } from './asyncapi-topics.js'

/** docs/asyncapi.json: the wire protocol, and the topics behind it, made from the schemas and names that the code itself uses. */
export const asyncapiDocument: JsonObject = {
  asyncapi: '3.0.0',
  info: {
    title: 'Roomway',
    version: '1',
    description:
      'The frames between clients and gateways, and the records between gateways, the application tier and other services. docs/protocol.md says what they mean; `send` and `receive` are Roomway’s.',
    license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
  },
  defaultContentType: 'application/json',
  servers: {
    gateway: { host: 'localhost:8080', protocol: 'ws', description: 'Any gateway node.' },
    gatewayHttp: { host: 'localhost:8080', protocol: 'http', description: 'The same port.' },
    kafka: { host: 'localhost:9092', protocol: 'kafka', description: 'Where Roomway runs on Kafka.' },
    rabbitmq: {
      host: 'localhost:5672',
      protocol: 'amqp',
      description:
        'Where Roomway runs on RabbitMQ, whose streams hold the same records; others write to the intake only.',
    },
  },
  channels: { ...frameChannels, ...topicChannels },
  operations: { ...frameOperations, ...topicOperations },
  components: { schemas: frameSchemas, messages: { ...frameMessages, ...topicMessages } },
}

/** As it stands in the file. */
export const asyncapiText = `${JSON.stringify(asyncapiDocument, null, 2)}\n`
