import { type NodeProcess, spawnNode } from '@roomway/testing'

export interface RunningGateway {
  readonly process: NodeProcess
  readonly url: string
  readonly adminPort: number
}

const freePorts = { ROOMWAY_GATEWAY_PORT: '0', ROOMWAY_ADMIN_PORT: '0', ROOMWAY_APP_PORT: '0' }

/** A gateway as a process of its own, from its sources. */
export async function spawnGateway(env: Record<string, string>): Promise<RunningGateway> {
  const process = await spawnNode('services/gateway/src/main.ts', { env: { ...freePorts, ...env } })
  const { input } = await process.line(/"gateway listening"/, 60_000)
  const { port, adminPort } = JSON.parse(input) as { port: number; adminPort: number }
  return { process, url: `ws://127.0.0.1:${port}/v1/ws`, adminPort }
}

/** An instance of the application tier as a process of its own, from its sources. */
export async function spawnApp(env: Record<string, string>): Promise<NodeProcess> {
  const process = await spawnNode('services/app/src/main.ts', { env: { ...freePorts, ...env } })
  await process.line(/listening/, 60_000)
  return process
}
