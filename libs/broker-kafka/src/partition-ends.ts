/** Asks leaders where partitions begin and end. Questions of one turn of the event loop share a request to each leader. */
import { backoffMs, pause, tryPatiently } from './backoff.js'
import type { Cluster } from './cluster.js'
import { messageOf } from './connection-fault.js'
import { errorCodes, errorName } from './error-codes.js'
import { type OffsetKind, offsetsRequest } from './offsets-request.js'
import type { Topic } from './topic.js'

interface Question {
  readonly partition: number
  readonly resolve: (offset: number) => void
  readonly reject: (error: Error) => void
}

export class PartitionEnds {
  readonly #topic: Topic
  readonly #cluster: Cluster
  readonly #use: string
  readonly #patienceMs: number
  readonly #waiting: Record<OffsetKind, Question[]> = { start: [], watermark: [], stable: [] }

  /** @param patienceMs for how long leaders that do not answer are asked again, and open transactions waited for */
  constructor(topic: Topic, cluster: Cluster, use: string, patienceMs: number) {
    this.#topic = topic
    this.#cluster = cluster
    this.#use = use
    this.#patienceMs = patienceMs
  }

  /** @throws where there is no such partition, or no leader answers for too long. */
  start(partition: number): Promise<number> {
    return this.#ask('start', partition)
  }

  /**
   * The last stable offset, once it has reached what was acknowledged when this was called. A transaction that another producer keeps open withholds
   * records from every reader: it is waited for as long as a leader that does not answer; then its beginning is the end. @throws as `start`.
   */
  async end(partition: number): Promise<number> {
    const watermark = await this.#ask('watermark', partition)
    const deadlineMs = performance.now() + this.#patienceMs
    for (let looks = 0; ; looks++) {
      const stable = await this.#ask('stable', partition)
      if (stable >= watermark || performance.now() > deadlineMs) return stable
      await pause(backoffMs(looks))
    }
  }

  #ask(which: OffsetKind, partition: number): Promise<number> {
    const { name, partitions } = this.#topic
    if (!(partition >= 0 && partition < partitions)) {
      return Promise.reject(new RangeError(`${name} has ${partitions} partitions: there is no partition ${partition}`))
    }
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting[which]
      waiting.push({ partition, resolve, reject })
      if (waiting.length === 1) setImmediate(() => void this.#answer(which, waiting.splice(0)))
    })
  }

  async #answer(which: OffsetKind, questions: readonly Question[]): Promise<void> {
    let open = questions
    const attempt = async (): Promise<void> => {
      open = await this.#attempt(which, open)
      if (open.length > 0) throw new Error(`no leader answers for ${open.length} partitions`)
    }
    const prepare = () => this.#topic.refresh().catch(() => undefined)
    try {
      await tryPatiently(attempt, { patienceMs: this.#patienceMs, mayPass: () => true, prepare })
    } catch (cause) {
      const fault = new Error(`cannot tell the ${which} of ${this.#topic.name}: ${messageOf(cause)}`, { cause })
      for (const question of open) question.reject(fault)
    }
  }

  /** Resolves with the questions still open. */
  async #attempt(which: OffsetKind, questions: readonly Question[]): Promise<readonly Question[]> {
    const byLeader = new Map<number, Question[]>()
    for (const question of questions) {
      const leader = this.#topic.leader(question.partition)?.nodeId ?? -1
      const asked = byLeader.get(leader)
      if (asked === undefined) byLeader.set(leader, [question])
      else asked.push(question)
    }
    const open = await Promise.all([...byLeader].map(([leader, asked]) => this.#askLeader(leader, which, asked)))
    return open.flat()
  }

  async #askLeader(nodeId: number, which: OffsetKind, questions: readonly Question[]): Promise<readonly Question[]> {
    if (nodeId < 0) return questions
    const partitions = [...new Set(questions.map((question) => question.partition))]
    const positions = partitions.map((partition) => ({
      partition,
      leaderEpoch: this.#topic.leader(partition)?.epoch ?? -1,
    }))
    try {
      const connection = await this.#cluster.connection(nodeId, this.#use)
      const answers = await connection.send(offsetsRequest(this.#topic.name, positions, which))
      const offsets = new Map(answers.map((answer) => [answer.partition, answer]))
      return questions.filter((question) => !settle(question, offsets.get(question.partition)))
    } catch {
      return questions
    }
  }
}

function settle(question: Question, answer: { errorCode: number; offset: number } | undefined): boolean {
  if (answer?.errorCode === errorCodes.none) question.resolve(answer.offset)
  else if (answer?.errorCode === errorCodes.topicAuthorizationFailed) {
    question.reject(new Error(`Kafka refuses to tell offsets: ${errorName(answer.errorCode)}`))
  } else return false
  return true
}
