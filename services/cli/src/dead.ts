import type { Config } from '@roomway/config'
import { AppClient } from './app-client.js'
import { type Context, type ExitCode, faultObject } from './context.js'
import { printable, shownTime } from './shown.js'

interface Summary {
  readonly id: string
  readonly reason: string
  readonly detail?: string
  readonly log: string
  readonly position: string
  readonly room?: string
  readonly time: number
  readonly bytes: number
  readonly isWhole: boolean
}

interface Letter extends Summary {
  readonly headers: Readonly<Record<string, string>>
  readonly data?: string
  readonly dataBase64?: string
}

interface Page {
  readonly letters: readonly Summary[]
  readonly next: string
  readonly more: boolean
}

const maxPageLetters = 1_000
/** Longest room name, reason or detail that a line shows. */
const maxShownChars = 80

/** Lists what is not settled, oldest first; what lies between is passed over page by page. */
export async function listDead(
  context: Context,
  config: Config,
  options: { readonly from: string | undefined; readonly limit: number; readonly json: boolean },
): Promise<ExitCode> {
  const client = new AppClient(config)
  let { from } = options
  let left = options.limit
  for (;;) {
    const query = new URLSearchParams({ limit: String(Math.min(left, maxPageLetters)), ...(from && { from }) })
    const { letters, next, more } = await client.ask<Page>('GET', `/v1/dead?${query.toString()}`)
    for (const letter of letters) context.print(options.json ? `${JSON.stringify(letter)}\n` : line(letter))
    left -= letters.length
    from = next
    if (!more) return 0
    if (left > 0) continue
    context.note(`roomway: there may be more: --from ${next}\n`)
    return 0
  }
}

export async function showDead(context: Context, config: Config, id: string, json: boolean): Promise<ExitCode> {
  const letter = await new AppClient(config).ask<Letter>('GET', pathOf(id))
  context.print(json ? `${JSON.stringify(letter)}\n` : description(letter))
  return 0
}

export async function replayDead(
  context: Context,
  config: Config,
  ids: readonly string[],
  json: boolean,
): Promise<ExitCode> {
  return each(context, ids, json, async (id) => {
    const client = new AppClient(config)
    const replayed = await client.ask<{ log: string; id: string }>('POST', `${pathOf(id)}/replay`)
    const said = { letter: id, action: 'replayed', ...replayed }
    context.print(json ? `${JSON.stringify(said)}\n` : `${id} replayed into ${replayed.log} as ${replayed.id}\n`)
  })
}

export async function dropDead(
  context: Context,
  config: Config,
  ids: readonly string[],
  json: boolean,
): Promise<ExitCode> {
  return each(context, ids, json, async (id) => {
    await new AppClient(config).ask('DELETE', pathOf(id))
    context.print(json ? `${JSON.stringify({ letter: id, action: 'dropped' })}\n` : `${id} dropped\n`)
  })
}

/** Goes on with the others where one fails; then the exit code is 1. */
async function each(
  { note }: Context,
  ids: readonly string[],
  json: boolean,
  act: (id: string) => Promise<void>,
): Promise<ExitCode> {
  let exitCode: ExitCode = 0
  for (const id of ids) {
    try {
      await act(id)
    } catch (error) {
      const { message } = error as Error
      note(
        json
          ? `${JSON.stringify({ letter: id, error: faultObject(error as Error) })}\n`
          : `roomway: ${id}: ${message}\n`,
      )
      exitCode = 1
    }
  }
  return exitCode
}

const pathOf = (id: string): string => `/v1/dead/${encodeURIComponent(id)}`

function line({ id, time, reason, log, room, bytes, isWhole, detail }: Summary): string {
  const parts = [id, shownTime(time), log, reason, room ?? '-', `${bytes} bytes`]
  if (!isWhole) parts.push('(cut)')
  if (detail !== undefined) parts.push(detail)
  return `${parts.map(shortened).join('  ')}\n`
}

const oneLine = (text: string): string => printable(text.replaceAll(/[\t\n]/g, ' '))

const shortened = (text: string): string => {
  const line = text.replaceAll(/\p{Cc}+/gu, ' ')
  return line.length > maxShownChars ? `${line.slice(0, maxShownChars)}…` : line
}

function description(letter: Letter): string {
  const { id, reason, detail, log, position, room, time, bytes, isWhole, headers, data, dataBase64 } = letter
  const rows = [
    ['id', id],
    ['reason', reason],
    ...(detail === undefined ? [] : [['detail', detail]]),
    ['stood in', `${log} at ${position}`],
    ['room', room ?? '(none)'],
    ['written', shownTime(time)],
    ['data', `${bytes} bytes${isWhole ? '' : ': only a part was kept, so it cannot be replayed'}`],
    ...Object.entries(headers).map(([name, value]) => ['header', `${name}: ${value}`]),
  ]
  const table = rows.map(([name, value]) => `${name!.padEnd(9)} ${oneLine(value!)}\n`).join('')
  return `${table}\n${data === undefined ? `(base64) ${dataBase64}` : printable(data)}\n`
}
