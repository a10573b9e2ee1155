import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import { deadline, randomPrefix } from '@roomway/testing'
import { connector, type WireRequest } from '../src/kafkajs-connection.js'
import { settingsOf } from '../src/options.js'
import { KafkaBench } from './support/kafka-bench.js'

const waitMs = 30_000
const silent = (): void => undefined
const logger = { debug: silent, info: silent, warn: silent, error: silent }

const bench = new KafkaBench()
let server: Server | undefined
beforeAll(() => bench.useShared())
afterEach(async () => {
  jest.restoreAllMocks()
  server?.close()
})
afterAll(() => bench.close())

function connect(address: string) {
  const [host, port] = address.split(':')
  const options = { prefix: randomPrefix(), partitions: 1, brokers: [address], logger }
  return connector(settingsOf(options))({ host: host!, port: Number(port) })
}

/** ApiVersions v0. */
const question: WireRequest<number> = {
  apiKey: 18,
  apiVersion: 0,
  apiName: 'ApiVersions',
  body: Buffer.alloc(0),
  decode: (response) => response.length,
}

/** What answers every request with these bytes. */
async function answering(bytesFor: (request: Buffer) => Buffer): Promise<string> {
  server = createServer((socket) => socket.on('error', silent).on('data', (bytes) => socket.write(bytesFor(bytes))))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('A response is decoded where it was put together, without another copy, however many came before it', async () => {
  const connection = await connect(bench.addresses[0]!)
  const join = jest.spyOn(Buffer, 'concat')
  for (let asked = 0; asked < 3; asked++) expect(await connection.send(question)).toBeGreaterThan(0)
  expect(join).not.toHaveBeenCalled()
  connection.close()
})

test.each([
  ['0', '00000000'],
  ['2, too short to say what it answers', '000000020000'],
  ['less than 0', 'fffffffe0000'],
])('What answers with a length of %s is given up by name, and the process lives', async (_, hex) => {
  const address = await answering(() => Buffer.from(hex, 'hex'))
  const opening = deadline(connect(address), waitMs, 'the connection to be given up')
  await expect(opening).rejects.toThrow(
    `cannot connect to Kafka at ${address}: Connection error: what ${address} sent is no response of Kafka: `,
  )
})

test('What lies behind nonsense in the same read answers nothing, though it looks like what was asked for', async () => {
  const nonsense = Buffer.from('000000020000', 'hex')
  const asked: number[] = []
  const address = await answering((request) => {
    asked.push(request.readInt16BE(4))
    return Buffer.concat([nonsense, noVersions(request.subarray(8, 12))])
  })
  const opening = deadline(connect(address), waitMs, 'the connection to be given up')
  await expect(opening).rejects.toThrow('is no response of Kafka: ')
  expect(new Set(asked)).toEqual(new Set([question.apiKey]))
})

/** An answer to ApiVersions, of its versions 0 to 2: no error, no APIs, no throttling. */
function noVersions(correlationId: Buffer): Buffer {
  return Buffer.concat([Buffer.from('0000000e', 'hex'), correlationId, Buffer.alloc(10)])
}
