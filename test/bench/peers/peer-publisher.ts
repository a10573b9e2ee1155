/*
 * Publishes to a peer by HTTP, through a program or by a module. Prints `ready {}` when it can, begins on SIGHUP, and ends with `done <json>`.
 */
import { spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type FeedPlan, feed } from '../programs/event-feed.js'
import { filled, type PeerValues, type Publish } from './peer.js'

export interface PeerPublisherPlan extends FeedPlan {
  readonly way: Publish
  readonly values: PeerValues
  readonly folder: string
}

type PublishOne = (room: string, data: string) => unknown

const plan = JSON.parse(process.argv[2]!) as PeerPublisherPlan
/** Kept open; more would only queue in the peer. */
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

function open({ way, values, folder }: PeerPublisherPlan): Promise<PublishOne> | PublishOne {
  if ('post' in way) return poster(way.post, values)
  if ('lines' in way) return lineWriter(way.lines, values, folder)
  if ('module' in way) return moduleOf(resolve(folder, way.module), values)
  throw new Error('a peer that reads Kafka by itself has no publisher of its own')
}

function poster({ url, headers, body }: Extract<Publish, { post: unknown }>['post'], values: PeerValues): PublishOne {
  const target = filled(url, { ...values })
  const options = { method: 'POST', agent, headers: { 'content-type': 'application/json', ...headers } }
  return (room, data) =>
    new Promise<void>((done, fail) => {
      const asked = request(target, options, (response) => {
        response.resume()
        const { statusCode = 0 } = response
        response.once('end', () => (statusCode < 300 ? done() : fail(new Error(`${target} answered ${statusCode}`))))
      })
      asked.once('error', fail)
      asked.end(filled(body, { ...values, room, data }))
    })
}

function lineWriter(command: readonly string[], values: PeerValues, cwd: string): PublishOne {
  const [program, ...args] = command.map((word) => filled(word, { ...values }))
  const child = spawn(program!, args, { cwd, stdio: ['pipe', 'inherit', 'inherit'] })
  child.once('exit', (code) => process.exit(code ?? 1))
  return (room, data) => void child.stdin.write(`${room}\t${data}\n`)
}

async function moduleOf(file: string, values: PeerValues): Promise<PublishOne> {
  const { openPublisher } = (await import(pathToFileURL(file).href)) as {
    openPublisher(values: PeerValues): Promise<PublishOne>
  }
  return openPublisher(values)
}

const publish = await open(plan)
const stayAlive = setInterval(() => {}, 60_000)
process.once('SIGTERM', () => process.exit(0))
process.once('SIGHUP', async () => {
  clearInterval(stayAlive)
  const report = await feed(plan, 1, async (records) => {
    await Promise.all(records.map(({ key, value }) => publish(key, Buffer.from(value).toString())))
  })
  console.log(`done ${JSON.stringify(report)}`)
})
console.log('ready {}')
