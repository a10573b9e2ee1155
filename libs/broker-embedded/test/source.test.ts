import { expect, test } from '@jest/globals'
import { openEmbeddedBroker } from '../src/index.js'
import { quiet } from './quiet-logger.js'
import { inFolder } from './temporary-folder.js'

test(
  'A source is refused: nobody else has topics or queues here',
  inFolder(async (dataDir) => {
    const broker = await openEmbeddedBroker({ dataDir, prefix: 'p', partitions: 1, logger: quiet })
    await expect(broker.source()).rejects.toThrow('sources need Kafka or RabbitMQ')
    await broker.close()
  }),
)
