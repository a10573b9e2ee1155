/* The brokers that events go through: each is installed where it is missing, and started, when a scenario first asks for it; it ends with the run. */
import { type LocalProcess, startKafka, startRabbitmq, systemPackages } from '@roomway/testing'
import { type BenchRedis, startRedis } from './redis.js'

export const brokerKinds = ['kafka', 'rabbitmq', 'embedded'] as const
export type BrokerKind = (typeof brokerKinds)[number]

/** Where a broker is. `embedded` has no process of its own: server and publisher are one. */
export type BrokerAddress =
  | { readonly kind: 'kafka'; readonly brokers: readonly string[] }
  | { readonly kind: 'rabbitmq'; readonly url: string }
  | { readonly kind: 'embedded' }

export interface BenchBroker {
  readonly address: BrokerAddress
  /** Undefined for the embedded one. */
  readonly pid: number | undefined
}

export class BenchBrokers {
  readonly #started = new Map<BrokerKind, Promise<BenchBroker>>()
  readonly #processes: LocalProcess[] = []
  #redis: Promise<BenchRedis> | undefined

  get(kind: BrokerKind): Promise<BenchBroker> {
    let broker = this.#started.get(kind)
    if (broker === undefined) {
      broker = this.#start(kind)
      this.#started.set(kind, broker)
    }
    return broker
  }

  /** Not one that the gateway knows: some peers want it. */
  redis(): Promise<BenchRedis> {
    this.#redis ??= startRedis().then((redis) => {
      this.#processes.push(redis.process)
      return redis
    })
    return this.#redis
  }

  /** Ends what was started. */
  async close(): Promise<void> {
    for (const process of this.#processes.splice(0)) await process.close()
  }

  async #start(kind: BrokerKind): Promise<BenchBroker> {
    if (kind === 'embedded') return { address: { kind }, pid: undefined }
    if (kind === 'kafka') {
      await systemPackages.ensureSystemPackages([systemPackages.JAVA, systemPackages.MAVEN])
      const kafka = await startKafka()
      this.#processes.push(kafka)
      return { address: { kind, brokers: kafka.brokers }, pid: kafka.pid }
    }
    await systemPackages.ensureSystemPackages([systemPackages.RABBITMQ])
    const rabbitmq = await startRabbitmq()
    this.#processes.push(rabbitmq)
    return { address: { kind, url: rabbitmq.url }, pid: rabbitmq.pid }
  }
}
