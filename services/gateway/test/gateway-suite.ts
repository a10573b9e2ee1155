import { describe } from '@jest/globals'
import { testDirectPublishing } from './suites/direct-publishing.js'
import { testGuarding } from './suites/guarding.js'
import { testJoining } from './suites/joining.js'
import { testPublishing } from './suites/publishing.js'
import { testReplaying } from './suites/replaying.js'
import { testResuming } from './suites/resuming.js'
import { testStreaming } from './suites/streaming.js'
import type { OpenBroker } from './test-nodes.js'

/** The same, of nodes that follow only what is wanted. */
export const followingWhatIsWanted =
  (openBroker: OpenBroker): OpenBroker =>
  async () => ({ ...(await openBroker()), env: { ROOMWAY_FOLLOW: 'wanted' } })

/** What a gateway promises whatever broker runs. */
export function testGateway(name: string, openBroker: OpenBroker): void {
  describe(`a gateway on ${name}`, () => {
    testJoining(openBroker)
    testReplaying(openBroker)
    testResuming(openBroker)
    testPublishing(openBroker)
    testDirectPublishing(openBroker)
    testGuarding(openBroker)
    testStreaming(openBroker)
  })
}
