import { afterEach, expect, test } from '@jest/globals'
import { freePort, testKafka, testRabbitmq } from '../src/index.js'
import { SERVERS_VARIABLE } from '../src/setup.js'

const before = { ...process.env }

afterEach(() => {
  process.env = { ...before }
})

test('a named Kafka that cannot be reached is a failure that says which and why', async () => {
  const address = `127.0.0.1:${await freePort()}`
  process.env.KAFKA_BROKERS = address
  await expect(testKafka()).rejects.toThrow(
    `KAFKA_BROKERS names no broker that can be reached: connect ECONNREFUSED ${address}`,
  )
})

test('a named RabbitMQ that cannot be reached is a failure that says which and why', async () => {
  const port = await freePort()
  process.env.RABBITMQ_URL = `amqp://guest:guest@127.0.0.1:${port}/`
  await expect(testRabbitmq()).rejects.toThrow(
    `RABBITMQ_URL names no broker that can be reached: connect ECONNREFUSED 127.0.0.1:${port}`,
  )
})

test('outside of a run, a test without a named broker fails and says how to run it', async () => {
  delete process.env.KAFKA_BROKERS
  delete process.env[SERVERS_VARIABLE]
  await expect(testKafka()).rejects.toThrow('run it with "npm test"')
})
