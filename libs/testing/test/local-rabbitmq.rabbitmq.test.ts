import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { accepts, eventually, type LocalRabbitmq, run, startRabbitmq, testRabbitmq } from '../src/index.js'

let rabbitmq: LocalRabbitmq

beforeAll(async () => {
  rabbitmq = await startRabbitmq()
}, 120_000)

afterAll(() => rabbitmq?.close())

test('a private RabbitMQ keeps its port and its durable messages over a kill', async () => {
  await run('amqp-declare-queue', ['-u', rabbitmq.url, '-d', '-q', 'kept'])
  await run('amqp-publish', ['-u', rabbitmq.url, '-p', '-r', 'kept', '-b', 'before'])
  await run('amqp-get', ['-u', rabbitmq.url, '-q', 'kept'])
  await run('amqp-publish', ['-u', rabbitmq.url, '-p', '-r', 'kept', '-b', 'again'])
  await rabbitmq.stop()
  expect(await accepts(port())).toBe(false)
  await rabbitmq.start()
  expect(await run('amqp-get', ['-u', rabbitmq.url, '-q', 'kept'])).toBe('again')
}, 90_000)

test('a killed one starts again', async () => {
  await rabbitmq.kill()
  expect(await accepts(port())).toBe(false)
  await rabbitmq.start()
  await run('amqp-declare-queue', ['-u', rabbitmq.url, '-d', '-q', 'after'])
}, 90_000)

test('the shared RabbitMQ is the same for every test of the run', async () => {
  const [first, second] = await Promise.all([testRabbitmq(), testRabbitmq()])
  expect(first).toEqual(second)
  expect(first.url).not.toBe(rabbitmq.url)
}, 120_000)

test('a closed one leaves nothing', async () => {
  const folder = dirname(rabbitmq.logFile)
  const { pid } = rabbitmq
  await rabbitmq.close()
  expect(existsSync(folder)).toBe(false)
  // Not its port: another test may have been given it meanwhile. The system takes a moment to bury a killed process.
  await eventually(() => !existsSync(`/proc/${pid}`), 20_000, 'the server to be gone')
})

const port = () => Number(new URL(rabbitmq.url).port)
