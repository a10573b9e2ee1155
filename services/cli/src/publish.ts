import type { Config } from '@roomway/config'
import type { Context, ExitCode } from './context.js'
import { coded, connectRemote } from './remote.js'

const answerMs = 15_000
const asJson = { contentType: 'application/json' }

export interface PublishOptions {
  readonly room: string
  readonly event: string
  /** Valid JSON. It is published byte by byte: parsed and written anew, large numbers and repeated members would be others. */
  readonly data: string
  readonly json: boolean
}

/** Publishes through the gateway, as a client does; resolves when the event is durable. */
export async function publish(context: Context, config: Config, options: PublishOptions): Promise<ExitCode> {
  const { room, event, data, json } = options
  const { client, opened, ended } = connectRemote(config)
  try {
    await Promise.race([opened, ended])
    const { id } = await Promise.race([client.publish(room, event, Buffer.from(data), asJson), ended, tooLate()])
    context.print(json ? `${JSON.stringify({ room, event, id })}\n` : `published ${event} to ${room}: ${id}\n`)
    return 0
  } catch (error) {
    throw coded(error)
  } finally {
    await client.close()
  }
}

function tooLate(): Promise<never> {
  const error = new Error(`no answer within ${answerMs} ms: the event may have been published, or may not`)
  return new Promise((_, reject) => {
    setTimeout(reject, answerMs, error).unref()
  })
}
