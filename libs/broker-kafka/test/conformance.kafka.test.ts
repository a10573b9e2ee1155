import { testBroker } from '@roomway/broker/conformance'
import { claimProcess } from './support/claim-process.js'
import { KafkaBench } from './support/kafka-bench.js'

const bench = new KafkaBench()

testBroker('kafka', {
  recoveryMs: 30_000,
  start: () => bench.startPrivate(),
  stop: () => bench.close(),
  open: (options) => bench.open(options),
  restartBroker: () => bench.restart(),
  recreateLog: (prefix, name) => bench.recreate(`${prefix}.${name}`),
  truncateStart: (prefix, partition, offset) => bench.deleteRecords(`${prefix}.events`, partition, offset + 1),
  makeHoles: (prefix, partition) => bench.abortTransaction('events', prefix, partition, ['gone', 'gone too']),
  claimProcess: (prefix, name, partitions, observer) =>
    claimProcess(bench.addresses, prefix, name, partitions, observer),
})
