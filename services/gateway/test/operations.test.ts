import type { IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { freePort } from '@roomway/testing'
import { openEmbedded } from './open-embedded.js'
import { RawClient } from './raw-client.js'
import { TestNodes } from './test-nodes.js'

describe('operating a gateway', () => {
  let nodes: TestNodes

  beforeEach(async () => {
    nodes = await TestNodes.open(openEmbedded)
  })
  afterEach(() => nodes.close())

  test('/livez and /readyz answer 200 on a node that is ready', async () => {
    const { port } = await nodes.gateway()
    for (const path of ['livez', 'readyz']) {
      const response = await fetch(`http://127.0.0.1:${port}/${path}`)
      expect([response.status, await response.json()]).toMatchObject([200, { status: 'ok' }])
    }
  })

  test('/metrics counts connections, joins, resumes, frames, lag and gaps, and names no room', async () => {
    const { port, adminPort } = await nodes.gateway()
    const client = await RawClient.connect(port)
    await client.join('secret-room')
    await nodes.append('secret-room', 1)
    await client.eventCount('secret-room', 1)
    client.send({ type: 'resume', id: 50, token: 'none', rooms: {} })
    await client.next('resumed')
    const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
    expect(text).toContain('roomway_connections 1')
    expect(text).toContain('roomway_joins_total 1')
    expect(text).toContain('roomway_resumes_total{outcome="lost"} 1')
    expect(text).toContain('roomway_events_total 1')
    expect(text).toContain('roomway_log_lag_records 0')
    expect(text).toContain('roomway_gaps_total 0')
    expect(text).toMatch(/roomway_window_bytes [1-9]/)
    expect(text).toContain('roomway_window_seconds 300')
    expect(text).toContain('roomway_delivery_seconds_count 1')
    expect(text).toMatch(/roomway_frames_total\{direction="sent"\} [1-9]/)
    expect(text).not.toContain('secret-room')
    await client.close()
  })

  test('/metrics asks for the admin token where one is set', async () => {
    const { adminPort } = await nodes.gateway({ ROOMWAY_ADMIN_TOKEN: 'a-long-enough-admin-token-for-this' })
    const url = `http://127.0.0.1:${adminPort}/metrics`
    expect((await fetch(url)).status).toBe(401)
    const headers = { authorization: 'Bearer a-long-enough-admin-token-for-this' }
    expect((await fetch(url, { headers })).status).toBe(200)
  })

  test('past its connections the node answers the upgrade with 503 and when to try again', async () => {
    const { port } = await nodes.gateway({ ROOMWAY_MAX_CONNECTIONS: '1' })
    const first = await RawClient.connect(port)
    const second = new RawClient(port)
    const response = await new Promise<IncomingMessage>((resolve) => {
      second.ws.on('unexpected-response', (_, answer) => resolve(answer))
    })
    expect(response.statusCode).toBe(503)
    expect(response.headers['retry-after']).toBe('2')
    await first.close()
  })

  test('a port that is taken is said so', async () => {
    const { port } = await nodes.gateway()
    await expect(nodes.gateway({ ROOMWAY_GATEWAY_PORT: String(port) })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}`,
    )
  })

  test('a gateway whose port is taken leaves its admin port, too', async () => {
    const { port } = await nodes.gateway()
    const env = { ROOMWAY_GATEWAY_PORT: String(port), ROOMWAY_ADMIN_PORT: String(await freePort()) }
    await expect(nodes.gateway(env)).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`)
    const { adminPort } = await nodes.gateway({ ...env, ROOMWAY_GATEWAY_PORT: '0' })
    expect(String(adminPort)).toBe(env.ROOMWAY_ADMIN_PORT)
  })

  test('two gateways do not share an admin port, where each would answer for the other', async () => {
    const env = { ROOMWAY_ADMIN_PORT: String(await freePort()) }
    await nodes.gateway(env)
    await expect(nodes.gateway(env)).rejects.toThrow(`cannot listen on 127.0.0.1:${env.ROOMWAY_ADMIN_PORT}`)
  })

  test('closing tells clients to reconnect', async () => {
    const gateway = await nodes.gateway()
    const client = await RawClient.connect(gateway.port)
    const [{ code }] = await Promise.all([client.closed, gateway.close()])
    expect(code).toBe(1012)
  })
})
