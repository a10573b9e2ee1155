import type { Node } from '../node.js'

export interface GatewayMetrics {
  readonly contentType: string
  text(): Promise<string>
}

export function createGatewayMetrics(_node: Node): GatewayMetrics {
  return { contentType: 'text/plain', text: async () => '' }
}
