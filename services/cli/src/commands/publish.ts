import { Command } from 'commander'
import { type Context, type ExitCode, UsageError } from '../context.js'

export function publishCommand(context: Context, onExit: (code: ExitCode) => void): Command {
  return new Command('publish')
    .description('Publish one event to a room; ends when it is durable')
    .argument('<room>', 'the room')
    .argument('<event>', 'the name of the event')
    .argument('[json]', 'its data, JSON; - reads it from standard input', 'null')
    .option('--json', 'print the answer as an object', false)
    .addHelpText(
      'after',
      `
Published means that the event is durable. The application may still reject it: then tail shows nothing of it, and only
a client that asks (room.request) is told why.

Examples:
  $ roomway publish chat:lobby message '{"text":"hello"}'
  $ date +%s | roomway publish clock:unix tick -`,
    )
    .action(async (room: string, event: string, given: string, options: { readonly json: boolean }) => {
      const data = await validData(context, given)
      const config = await context.config('publish')
      const { publish } = await import('../publish.js')
      onExit(await publish(context, config, { room, event, data, json: options.json }))
    })
}

/** The text itself, less the white space around it: the end of line that `echo` adds is not data. */
async function validData(context: Context, given: string): Promise<string> {
  const text = (given === '-' ? await context.readInput() : given).trim()
  if (given === '-' && text === '') throw new UsageError('nothing came on standard input: JSON is needed there')
  try {
    JSON.parse(text)
    return text
  } catch (error) {
    throw new UsageError(`the data is not valid JSON: ${(error as Error).message}. A text is quoted twice: '"hello"'`)
  }
}
