/*
 * A server that is measured beside the gateway, described: how it is started, how clients speak to it, and how events come to it. What
 * is built in (built-in.ts) and what `--peer file.json` brings are described alike.
 */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'

const words = z.array(z.string()).min(1)

/** Who publishes, on the bench's side. */
const publishSchema = z.union([
  /** The peer reads `{topic}` of Kafka by itself; the key of a record is its room. */
  z.strictObject({ kafka: z.literal(true) }),
  /** One request for each event. */
  z.strictObject({
    post: z.strictObject({ url: z.string(), headers: z.record(z.string(), z.string()).default({}), body: z.string() }),
  }),
  /** A program that runs all the time and reads an event a line, `room<TAB>data`, from its standard input. */
  z.strictObject({ lines: words }),
  /** A JavaScript module whose `openPublisher(values)` resolves to `publish(room, data)`. */
  z.strictObject({ module: z.string() }),
])

const peerSchema = z
  .strictObject({
    name: z.string().regex(/^[\w.-]+$/),
    /** Starts the server itself, not a script around it: its CPU is what counts. `node` is the bench's own Node. */
    command: words.optional(),
    env: z.record(z.string(), z.string()).default({}),
    /** In place of `command`: holds the process id of a server that runs already. */
    pidFile: z.string().optional(),
    /** `ws://127.0.0.1:{port}/path`, on this machine. */
    url: z.string().regex(/^ws:\/\/(127\.0\.0\.1|localhost):(\d+|\{port\})(\/|$)/),
    /** The first is sent after the upgrade, each further one when one more frame has come. */
    hello: z.array(z.string()).default([]),
    /** Frames until a connection is in its room. */
    readyFrames: z.int().min(0),
    /** What the frames that are events begin with. */
    eventPrefix: z.string(),
    /** A frame that is answered by `pong`. */
    ping: z.string().default(''),
    pong: z.string().default(''),
    /** Where a frame may hold several messages, one a line. */
    split: z.literal('lines').optional(),
    subprotocol: z.string().default(''),
    publish: publishSchema,
  })
  .refine(({ command, pidFile }) => (command === undefined) !== (pidFile === undefined), 'command or pidFile')

export type Publish = z.infer<typeof publishSchema>

export type Peer = Omit<z.infer<typeof peerSchema>, 'command' | 'pidFile'> & {
  readonly command?: readonly string[] | undefined
  readonly pidFile?: string | undefined
  /** Where its relative paths begin, and its command runs. */
  readonly folder: string
}

/** What stands for `{name}` in a description. */
export interface PeerValues {
  /** A free port, another for each run. */
  readonly port: string
  /** Of Kafka, `host:port,…`; empty where nothing is published. */
  readonly brokers: string
  readonly topic: string
  /** URL of a Redis that keeps nothing; empty where the description does not mention it. */
  readonly redis: string
}

/** @throws Error that lists what is wrong with the file. */
export async function readPeer(file: string): Promise<Peer> {
  const text = await readFile(file, 'utf8')
  try {
    return peerOf(JSON.parse(text), dirname(resolve(file)))
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
    throw new Error(`${file} describes no server:\n${why}`, { cause: error })
  }
}

/** @throws ZodError */
export function peerOf(described: z.input<typeof peerSchema>, folder: string): Peer {
  return { ...peerSchema.parse(described), folder }
}

/** Whether the description mentions `{name}`: a Redis is started only for those who want one. */
export function mentions(peer: Peer, name: keyof PeerValues): boolean {
  return JSON.stringify(peer).includes(`{${name}}`)
}

/** Names without a value stay: `{room}` is the load client's and the publisher's. */
export function filled(template: string, values: Readonly<Partial<Record<string, string>>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
}

/** What messages and tables call a server. */
export const nameOf = (server: string | Peer): string => (typeof server === 'string' ? server : server.name)
