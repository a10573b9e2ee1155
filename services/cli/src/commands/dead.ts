import { Command, InvalidArgumentError } from 'commander'
import type { Context, ExitCode } from '../context.js'

type OnExit = (code: ExitCode) => void
interface JsonOption {
  readonly json: boolean
}

/** `dead list|show|replay|drop`: asks an instance of the application tier. */
export function deadCommand(context: Context, onExit: OnExit): Command {
  return new Command('dead')
    .description('Look at records that were set aside, replay or drop them')
    .addCommand(listCommand(context, onExit))
    .addCommand(showCommand(context, onExit))
    .addCommand(settlingCommand(context, onExit, 'replay'))
    .addCommand(settlingCommand(context, onExit, 'drop'))
    .addHelpText('after', examples)
}

const examples = `
Asks the application tier at ROOMWAY_APP_URL (default http://127.0.0.1:8081); with ROOMWAY_ADMIN_TOKEN, where that is set there.
Each takes --json.

Examples:
  $ roomway dead list
  $ roomway dead show k3f9:41
  $ roomway dead replay k3f9:41
  $ roomway dead list --limit 1000 --json | jq -r 'select(.reason == "bad_json").id' | xargs -r roomway dead drop`

function listCommand(context: Context, onExit: OnExit): Command {
  return withJson(new Command('list'))
    .description('List what is not settled, oldest first, one a line')
    .option('--from <id>', 'begin after this one', id)
    .option('--limit <n>', 'so many at most', count, 100)
    .addHelpText(
      'after',
      '\nExamples:\n  $ roomway dead list\n  $ roomway dead list --from k3f9:41 --limit 1000 --json',
    )
    .action(async ({ from, limit, json }: JsonOption & { from?: string; limit: number }) => {
      const { listDead } = await import('../dead.js')
      onExit(await listDead(context, await context.config('dead'), { from, limit, json }))
    })
}

function showCommand(context: Context, onExit: OnExit): Command {
  return withJson(new Command('show'))
    .description('Show one with all that was kept of it')
    .argument('<id>', 'as list says it', id)
    .addHelpText(
      'after',
      '\nExamples:\n  $ roomway dead show k3f9:41\n  $ roomway dead show k3f9:41 --json | jq .headers',
    )
    .action(async (letter: string, { json }: JsonOption) => {
      const { showDead } = await import('../dead.js')
      onExit(await showDead(context, await context.config('dead'), letter, json))
    })
}

const descriptions = {
  replay: 'Put records where they belong once more: a failed command to its handler, any other to intake',
  drop: 'Settle them without doing anything with the records',
}

function settlingCommand(context: Context, onExit: OnExit, action: 'replay' | 'drop'): Command {
  return withJson(new Command(action))
    .description(descriptions[action])
    .argument('<id...>', 'as list says them', ids, [])
    .addHelpText(
      'after',
      `\nExamples:\n  $ roomway dead ${action} k3f9:41\n  $ roomway dead ${action} k3f9:41 k3f9:57 --json`,
    )
    .action(async (letters: readonly string[], { json }: JsonOption) => {
      const { replayDead, dropDead } = await import('../dead.js')
      const settle = action === 'replay' ? replayDead : dropDead
      onExit(await settle(context, await context.config('dead'), letters, json))
    })
}

const withJson = (command: Command): Command => command.option('--json', 'print objects, one a line', false)

function id(value: string): string {
  if (/^[\x21-\x7e]{1,255}:\d{1,15}$/.test(value)) return value
  throw new InvalidArgumentError('It is epoch:offset, as list says it.')
}

const ids = (value: string, before: readonly string[]): readonly string[] => [...before, id(value)]

function count(value: string): number {
  if (/^[1-9]\d{0,6}$/.test(value)) return Number(value)
  throw new InvalidArgumentError('It must be a whole number above 0.')
}
