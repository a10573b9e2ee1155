import { join } from 'node:path'
import { run } from './command.js'
import { freePort } from './ports.js'
import { repositoryFolder } from './repository.js'

/** Whether a Docker daemon with Compose answers. */
export async function dockerAnswers(): Promise<boolean> {
  try {
    await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeoutMs: 10_000 })
    await run('docker', ['compose', 'version'], { timeoutMs: 10_000 })
    return true
  } catch {
    return false
  }
}

/** A broker that Docker Compose has started. */
export type DockerBroker = { port: number; close: () => Promise<void> }

/** Starts one service of infra/compose/test.yaml as a project of its own, on a free port; resolves when it is healthy. */
export async function startInDocker(service: 'kafka' | 'rabbitmq'): Promise<DockerBroker> {
  const port = await freePort()
  const file = join(repositoryFolder(), 'infra/compose/test.yaml')
  const compose = ['compose', '-p', `roomway-test-${service}-${port}`, '-f', file]
  const env = { ...process.env, KAFKA_PORT: String(port), RABBITMQ_PORT: String(port) }
  const close = async () => {
    await run('docker', [...compose, 'down', '--volumes', '--timeout', '1'], { env })
  }
  try {
    await run('docker', [...compose, 'up', '--detach', '--wait', service], { env })
    return { port, close }
  } catch (error) {
    await close().catch(() => undefined)
    throw error
  }
}
