export type { Gateway, GatewayOptions } from './gateway.js'
export { startGateway } from './start.js'
