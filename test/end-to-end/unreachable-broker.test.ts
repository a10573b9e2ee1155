import { expect, test } from '@jest/globals'
import { deadline, Forwarder, spawnNode } from '@roomway/testing'

/** Takes connections and ends them, as a broker does that is starting. */
async function run(program: string): Promise<unknown> {
  const forwarder = await Forwarder.open()
  const env = {
    ROOMWAY_BROKER: 'rabbitmq',
    RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${forwarder.port}`,
    ROOMWAY_GATEWAY_PORT: '0',
    ROOMWAY_APP_PORT: '0',
    ROOMWAY_ADMIN_PORT: '0',
  }
  const process = await spawnNode(program, { env })
  try {
    await process.line(/could not be reached/, 90_000)
    return await deadline(process.exited, 20_000, `${program} to end`)
  } finally {
    await process.close()
    await forwarder.close()
  }
}

test('a gateway and an app that cannot reach their broker give up after half a minute with exit code 1, and do not linger', async () => {
  const exits = await Promise.all([run('services/gateway/src/main.ts'), run('services/app/src/main.ts')])
  expect(exits).toEqual([{ code: 1 }, { code: 1 }])
}, 150_000)
