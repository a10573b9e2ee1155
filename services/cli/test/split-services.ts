import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { freePort, type NodeProcess, randomPrefix, spawnNode } from '@roomway/testing'

/** The services as processes of their own, on a broker that they share: two gateways, one application tier, one example. */
export function describeSplitServices(name: string, brokerEnv: () => Promise<Record<string, string>>): void {
  describe(`services of their own on ${name}`, () => {
    const running: NodeProcess[] = []
    let env: Record<string, string>
    let urls: string[]

    async function spawn(file: string, args: readonly string[], extra: Record<string, string> = {}) {
      const spawned = await spawnNode(file, { args, env: { ...env, ...extra } })
      running.push(spawned)
      return spawned
    }
    const roomway = (args: readonly string[], extra?: Record<string, string>) =>
      spawn('services/cli/test/roomway.ts', args, extra)

    async function startGateway(): Promise<string> {
      const gateway = await roomway(['gateway', '--json'])
      const [line] = await gateway.line(/^\{"node".*/, 60_000)
      return `http://127.0.0.1:${(JSON.parse(line) as { port: number }).port}`
    }

    beforeAll(async () => {
      env = {
        ...(await brokerEnv()),
        ROOMWAY_PREFIX: randomPrefix(),
        ROOMWAY_PARTITIONS: '4',
        ROOMWAY_GATEWAY_PORT: '0',
        ROOMWAY_APP_PORT: '0',
        ROOMWAY_ADMIN_PORT: '0',
        ROOMWAY_CONSOLE_PORT: String(await freePort()),
      }
      const app = await roomway(['app', '--json'])
      await app.line(/^\{"node".*/, 60_000)
      urls = await Promise.all([startGateway(), startGateway()])
    }, 180_000)

    afterAll(() => Promise.all(running.map((process) => process.close())))

    test('what is published through one gateway is tailed through the other, at the same position', async () => {
      const tails = await Promise.all(urls.map((url) => roomway(['tail', 'a'], { ROOMWAY_URL: url })))
      await Promise.all(tails.map((tail) => tail.line(/joined a/)))
      const sent = await roomway(['publish', 'a', 'greeting', '"hello"'], { ROOMWAY_URL: urls[0]! })
      expect(await sent.exited).toEqual({ code: 0 })
      const [first, second] = await Promise.all(tails.map((tail) => tail.line(/greeting "hello"/)))
      expect(first![0]).toBe(second![0])
    })

    test('host metrics publishes to the broker by itself, and clients get the samples', async () => {
      const metrics = await spawn('services/examples/src/main.ts', ['host-metrics'], { ROOMWAY_URL: urls[1]! })
      await metrics.line(/examples listening/)
      const tail = await roomway(['tail', 'host:metrics', '--json'], { ROOMWAY_URL: urls[1]! })
      const [line] = await tail.line(/^.*"event":"sample".*$/)
      const { data } = JSON.parse(line) as { data: { seq: number; memory: { usedBytes: number } } }
      expect(data.memory.usedBytes).toBeGreaterThan(0)
      metrics.signal('SIGTERM')
      expect(await metrics.exited).toEqual({ code: 0 })
    })

    test('doctor finds the broker’s part in order', async () => {
      const doctor = await roomway(['doctor', '--json'])
      expect(await doctor.exited).toEqual({ code: 0 })
      const { findings } = JSON.parse(doctor.stdout.items[0]!) as { findings: { check: string; status: string }[] }
      expect(findings.filter(({ status }) => status === 'fail')).toEqual([])
      expect(findings.find(({ check }) => check === 'clock')?.status).toBe('ok')
    })

    test('gateways and the application tier end at SIGTERM with exit code 0', async () => {
      const servers = running.slice(0, 3)
      for (const server of servers) server.signal('SIGTERM')
      for (const server of servers) expect(await server.exited).toEqual({ code: 0 })
    })
  })
}
