import { afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { type Forwarder, Recorder, testRabbitmq } from '@roomway/testing'
import { Epochs } from '../src/epochs.js'
import { Link } from '../src/link.js'
import { QueueSender } from '../src/queue-sender.js'
import { StreamProbe } from '../src/stream-probe.js'
import type { Incarnation } from '../src/topology.js'
import { anchorArguments, Deployment, foreign, forwarderTo, silent, urlBehind } from './support.js'

let url: string
let deployment: Deployment
let proxy: Forwarder

beforeAll(async () => {
  url = (await testRabbitmq()).url
}, 120_000)

beforeEach(async () => {
  deployment = new Deployment(url)
  proxy = await forwarderTo(url)
})

afterEach(async () => {
  await proxy.close()
  await deployment.close()
})

test('an epoch is replaced also where the stream of epochs is found shortened at the same moment', async () => {
  const replacements = new Recorder<Promise<Incarnation>>()
  let first: Incarnation | undefined
  /** Told just before what is known is forgotten, to be read anew. */
  const error = (_about: object, message: string): void => {
    if (message.includes('reading it anew')) replacements.push(epochs.replace(first!))
  }
  const links = {
    publishing: new Link('publishing', urlBehind(proxy), {}, silent),
    reading: new Link('reading', urlBehind(proxy), {}, silent),
  }
  const sender = new QueueSender(links.publishing)
  const epochs = new Epochs({
    sender,
    reading: links.reading,
    probe: new StreamProbe(links.reading, sender),
    names: deployment.names,
    limits: {},
    logger: { ...silent, error },
    onPresent: () => undefined,
  })
  try {
    first = await epochs.open('events', 1)
    proxy.cut()
    await makeEpochsAnew(first)
    proxy.mend()
    const [replacement] = await replacements.first(1, 30_000)
    expect((await replacement!).parent).toBe(first.epoch)
  } finally {
    await epochs.close()
    await Promise.all(Object.values(links).map((link) => link.close()))
  }
})

/** The stream of epochs as a disk has it that lost the end: the same geneses, fewer records. */
async function makeEpochsAnew(present: Incarnation): Promise<void> {
  const { anchor } = deployment.names
  await foreign(url, async (model) => {
    const channel = await model.createConfirmChannel()
    await channel.deleteQueue(anchor)
    await channel.assertQueue(anchor, { durable: true, arguments: anchorArguments })
    for (const key of ['$genesis', '$declared'])
      channel.sendToQueue(anchor, Buffer.from(JSON.stringify(present)), { headers: { 'roomway-key': key } })
    await channel.waitForConfirms()
  })
}
