import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomPrefix } from '@roomway/testing'
import { KafkaBench } from './support/kafka-bench.js'
import { TailRecorder } from './support/tail-recorder.js'
import { appendTexts, readTexts } from './support/texts.js'

const password = 'only-for-this-test'
const bench = new KafkaBench()
let folder = ''
let certificate = ''

/** SASL over TLS for clients, under the listener's usual name. */
async function secured(): Promise<Record<string, string>> {
  folder = await mkdtemp(join(tmpdir(), 'roomway-tls-'))
  const [key, cert, both] = ['key.pem', 'cert.pem', 'both.pem'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const subject = ['-subj', '/CN=roomway-test', '-addext', 'subjectAltName=IP:127.0.0.1']
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject]
  await promisify(execFile)('openssl', args)
  certificate = await readFile(cert, 'utf8')
  await writeFile(both, (await readFile(key, 'utf8')) + certificate)
  const module = 'org.apache.kafka.common.security.plain.PlainLoginModule required'
  return {
    'listener.security.protocol.map': 'PLAINTEXT:SASL_SSL,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'listener.name.plaintext.plain.sasl.jaas.config': `${module} username="roomway" password="${password}" user_roomway="${password}";`,
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': both,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': cert,
  }
}

beforeAll(async () => bench.startPrivate(await secured()), 180_000)
afterAll(async () => {
  await bench.close()
  await rm(folder, { recursive: true, force: true })
})

test('Logs and leases work over SASL and TLS', async () => {
  const prefix = randomPrefix()
  const sasl = { mechanism: 'plain', username: 'roomway', password } as const
  const broker = await bench.open({ prefix, sasl, ssl: { ca: [certificate] } })
  const log = await broker.log('events')
  const recorder = new TailRecorder()
  await log.tail(new Map([[0, 0]]), recorder)
  await appendTexts(log, 0, ['a', 'b'])
  await recorder.untilText('b')
  expect(await readTexts(log, 0, 0, 2)).toEqual({ texts: ['a', 'b'], position: 2 })
  await new Promise<void>((owned, failed) => {
    broker.claim('duty', 1, { onOwned: () => owned(), onLost: () => undefined }).catch(failed)
  })
})

test('A wrong password is refused at once, and said in no log', async () => {
  const sasl = { mechanism: 'plain', username: 'roomway', password: 'wrong-password' } as const
  const opening = bench.open({ prefix: randomPrefix(), sasl, ssl: { ca: [certificate] } })
  await expect(opening).rejects.toThrow(/cannot connect to Kafka.*[Aa]uthentication/)
  expect(JSON.stringify(bench.logged)).not.toContain('wrong-password')
})
