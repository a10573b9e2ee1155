export { DeadlineError, deadline, eventually } from './deadline.js'
export { LocalKafka, type LocalKafkaOptions, startKafka } from './local-kafka.js'
export { LocalRabbitmq, startRabbitmq } from './local-rabbitmq.js'
export { accepts, freePort, freePorts } from './ports.js'
