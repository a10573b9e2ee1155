import { describe, expect, test } from '@jest/globals'
import { placeOf } from '@roomway/protocol'
import { homeOf, sessionRoomKey } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { followingWhatIsWanted, testGateway } from './gateway-suite.js'
import { openEmbedded } from './open-embedded.js'
import { RawClient } from './raw-client.js'
import { TestNodes } from './test-nodes.js'

const openBroker = followingWhatIsWanted(openEmbedded)

testGateway('the embedded broker that follows what is wanted', openBroker)

describe('a gateway that follows what is wanted', () => {
  test('puts the sessions of clients that name a place into its partition, and follows no other', async () => {
    const nodes = await TestNodes.open(openBroker)
    try {
      const { port, adminPort } = await nodes.gateway()
      const { partitions } = await nodes.broker.log('events')
      const query = `?place=${placeOf('chat:1')}`
      const clients = await Promise.all(Array.from({ length: 5 }, () => RawClient.connect(port, { query })))
      for (const client of clients) {
        const { session } = await client.welcome()
        expect(homeOf(sessionRoomKey(session), partitions)).toBe(homeOf('chat:1', partitions))
        await client.join('chat:1')
      }
      const isAlone = async () => {
        const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
        return /^roomway_followed_partitions 1$/m.test(metrics)
      }
      await eventually(isAlone, 20_000, 'the partition that it began with to be left')
      await Promise.all(clients.map((client) => client.close()))
    } finally {
      await nodes.close()
    }
  }, 40_000)

  test('takes what is no place for none', async () => {
    const nodes = await TestNodes.open(openBroker)
    try {
      const { port } = await nodes.gateway()
      for (const query of ['?place=', '?place=zz', '?place=abc', '?other=1']) {
        const client = await RawClient.connect(port, { query })
        await client.join('chat:1')
        await client.close()
      }
    } finally {
      await nodes.close()
    }
  })
})
