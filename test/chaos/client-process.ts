import { type NodeProcess, spawnNode } from '@roomway/testing'
import type { ClientsPlan } from './clients.js'

/** A process with some of the clients of a run. */
export class ClientProcess {
  /** The numbers of its clients. */
  readonly members: readonly number[]
  readonly #process: NodeProcess
  readonly #url: string

  private constructor(members: readonly number[], process: NodeProcess, url: string) {
    this.members = members
    this.#process = process
    this.#url = url
  }

  /** Resolves when all its clients have joined their rooms. */
  static async start(plan: ClientsPlan): Promise<ClientProcess> {
    const process = await spawnNode('test/chaos/clients.ts', { args: [JSON.stringify(plan)] })
    const [, port] = await process.line(/^joined (\d+)$/, 120_000)
    const members = Array.from({ length: plan.count }, (_, at) => plan.first + at)
    return new ClientProcess(members, process, `http://127.0.0.1:${port!}`)
  }

  async ask<T>(path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.#url + path, {
      method: 'POST',
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return (await response.json()) as T
  }

  close(): Promise<void> {
    return this.#process.close()
  }
}
