import { expect, test } from '@jest/globals'
import { testZipkin } from '../src/index.js'

test('the shared Zipkin gives back the spans that it is sent', async () => {
  const { url } = await testZipkin()
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const span = {
    traceId,
    id: '00f067aa0ba902b7',
    name: 'join',
    localEndpoint: { serviceName: 'gateway' },
    timestamp: Date.now() * 1000,
  }
  const sent = await fetch(`${url}/api/v2/spans`, { method: 'POST', body: JSON.stringify([span]) })
  expect(sent.status).toBe(202)
  const trace = await fetch(`${url}/api/v2/trace/${traceId}`)
  expect(await trace.json()).toMatchObject([{ traceId, name: 'join' }])
}, 180_000)
