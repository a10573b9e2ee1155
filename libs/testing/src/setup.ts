/** What only the set-up scripts use; tests import `@roomway/testing`. */
export { installKafka } from './kafka-installation.js'
export { installZipkin } from './local-zipkin.js'
export { pythonPath } from './python.js'
export * as packages from './system-packages.js'
export { SERVERS_VARIABLE, TestServers } from './test-servers.js'
