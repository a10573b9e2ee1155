/** What only the set-up scripts use; tests import `@roomway/testing`. */
import { dockerAnswers } from './docker-brokers.js'
import { installKafka } from './kafka-installation.js'
import { installZipkin } from './local-zipkin.js'
import { pythonPath } from './python.js'
import * as system from './system-packages.js'

export { SERVERS_VARIABLE, TestServers } from './test-servers.js'

/**
 * Makes sure that all that tests use is on this machine, and fetches what is missing; quick when nothing is.
 *
 * @param say is told what is being installed.
 * @throws Error that says what is missing, and how to install it.
 */
export async function prepareTests(say: (line: string) => void): Promise<void> {
  const { KCAT, AMQP_TOOLS, CURL, CHROMIUM, PYTHON, GO, JAVA, MAVEN, RABBITMQ } = system
  const tools = [KCAT, AMQP_TOOLS, CURL, CHROMIUM, PYTHON, GO, JAVA, MAVEN, RABBITMQ]
  const missing = tools.filter((tool) => !tool.isPresent()).map((tool) => tool.name)
  if (missing.length > 0) say(`  apt-get install ${missing.join(' ')}`)
  await system.ensureSystemPackages(tools)
  await Promise.all([installKafka(), installZipkin(), pythonPath()])
  say((await dockerAnswers()) ? '  brokers: Docker Compose' : '  brokers: local processes')
}
