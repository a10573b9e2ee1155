import { Command, InvalidArgumentError, Option } from 'commander'
import type { Context, ExitCode } from '../context.js'
import type { TailOptions } from '../tail.js'

type From = TailOptions['from']

export function tailCommand(context: Context, onExit: (code: ExitCode) => void): Command {
  return new Command('tail')
    .description('Print the events of a room, one a line, as they come; resumes by itself')
    .argument('<room>', 'the room')
    .addOption(new Option('--from <position>', 'begin after this position, epoch:offset').argParser(position))
    .addOption(
      new Option('--last <n>', 'begin with the last n events of the recent window').argParser(count).conflicts('from'),
    )
    .option('--json', 'print each event as an object', false)
    .addHelpText(
      'after',
      `
The room is one room's name: patterns (chat:*) are for tokens, and nobody can follow several rooms at once by one.

Examples:
  $ roomway tail chat:lobby
  $ roomway tail chat:lobby --last 20 --json | jq .data
  $ roomway tail host:metrics --from k3f9:41`,
    )
    .action(async (room: string, options: { from?: From; last?: From; json: boolean }) => {
      const config = await context.config('tail')
      if (room.includes('*')) context.note(`roomway: ${room} is taken as the name of one room, not as a pattern\n`)
      const { tail } = await import('../tail.js')
      onExit(await tail(context, config, { room, from: options.from ?? options.last, json: options.json }))
    })
}

function position(value: string): From {
  const colon = value.lastIndexOf(':')
  const offset = value.slice(colon + 1)
  if (colon > 0 && /^(-1|\d{1,15})$/.test(offset)) return { epoch: value.slice(0, colon), offset: Number(offset) }
  throw new InvalidArgumentError('A position is epoch:offset, as the first column says it.')
}

function count(value: string): From {
  if (/^[1-9]\d{0,6}$/.test(value)) return { last: Number(value) }
  throw new InvalidArgumentError('It must be a whole number above 0.')
}
