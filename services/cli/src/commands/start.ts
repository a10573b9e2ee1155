import { Command } from 'commander'
import type { Context, ExitCode } from '../context.js'
import type { RunOptions } from '../load-application.js'

export function startCommand(context: Context, onExit: (code: ExitCode) => void): Command {
  return new Command('start')
    .description('Run everything in one process: gateway, application tier, example pages')
    .option('--handlers <module>', 'business logic: a module whose default export is an application')
    .option('--json', 'print where it listens as an object', false)
    .addHelpText(
      'after',
      `
The broker is the embedded one, durable in .roomway/, unless ROOMWAY_BROKER names another.

Examples:
  $ roomway start
  $ roomway start --handlers ./handlers.js
  $ ROOMWAY_DATA_DIR=/var/lib/roomway roomway start
  $ ROOMWAY_BROKER=kafka KAFKA_BROKERS=localhost:9092 roomway start`,
    )
    .action(async (options: RunOptions) => {
      const config = await context.config('start')
      const { runStart } = await import('../run-start.js')
      onExit(await runStart(context, config, options))
    })
}
