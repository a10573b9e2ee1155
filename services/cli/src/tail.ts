import type { JoinOptions, Room, RoomEvent } from '@roomway/client'
import type { Config } from '@roomway/config'
import type { Context, ExitCode } from './context.js'
import { coded, connectRemote, type Remote } from './remote.js'
import { shownTime } from './shown.js'

export interface TailOptions {
  readonly room: string
  readonly from: JoinOptions['from'] | undefined
  readonly json: boolean
}

/** Prints the events of a room until it is stopped. What happens to the connection is noted, never mixed with the events. */
export async function tail(context: Context, config: Config, options: TailOptions): Promise<ExitCode> {
  const remote = connectRemote(config)
  try {
    await Promise.race([remote.opened, remote.ended])
    const room = await Promise.race([remote.client.join(options.room, joinOptions(options)), remote.ended])
    noteConnection(context, remote, room)
    const printed = printEvents(context, room, options.json)
    await Promise.race([printed, context.stopped(), remote.ended])
    return 0
  } catch (error) {
    throw coded(error)
  } finally {
    await remote.client.close()
  }
}

const joinOptions = ({ from }: TailOptions): JoinOptions => (from === undefined ? {} : { from })

async function printEvents(context: Context, room: Room, json: boolean): Promise<void> {
  for await (const event of room) context.print(json ? `${JSON.stringify(printable(event))}\n` : line(event))
}

function noteConnection({ note }: Context, { client, url }: Remote, room: Room): void {
  const { position } = room
  note(`roomway: joined ${room.name} at ${position === undefined ? 'its end' : written(position)} (${url})\n`)
  client.on('state', (state) => {
    if (state.status === 'waiting')
      note(`roomway: connection lost (${state.code}); again in ${Math.round(state.delayMs)} ms\n`)
    if (state.status === 'open') note(`roomway: connected to ${state.node}\n`)
  })
  room.on('reset', (reset) => note(`roomway: events may be missing before ${written(reset)} (${reset.reason})\n`))
  room.on('lagged', ({ from, to }) => note(`roomway: too slow for live delivery; caught up from ${from} to ${to}\n`))
}

const written = ({ epoch, offset }: { readonly epoch: string; readonly offset: number }) => `${epoch}:${offset}`

function line(event: RoomEvent): string {
  const time = shownTime(event.time)
  const user = event.user === undefined ? '' : ` ${event.user}`
  return `${written(event)} ${time} ${event.event}${user} ${shown(event)}\n`
}

const isBytes = (data: unknown): data is Uint8Array => data instanceof Uint8Array

function shown({ data, contentType }: RoomEvent): string {
  return isBytes(data) ? `(${data.length} bytes of ${contentType})` : JSON.stringify(data)
}

/** As on the wire in JSON: bytes as base64, and nothing of whose it is (this client publishes none). */
function printable(event: RoomEvent): object {
  const { data, ...rest } = { ...event, isOwn: undefined }
  return isBytes(data) ? { ...rest, dataBase64: Buffer.from(data).toString('base64') } : { ...rest, data }
}
