import { Command } from 'commander'
import type { Context, ExitCode } from '../context.js'
import type { RunOptions } from '../load-application.js'

export function appCommand(context: Context, onExit: (code: ExitCode) => void): Command {
  return new Command('app')
    .description('Run an instance of the application tier: HTTP publishing, commands, movers')
    .option('--handlers <module>', 'business logic: a module whose default export is an application')
    .option('--json', 'print where it listens as an object', false)
    .addHelpText(
      'after',
      `
Examples:
  $ ROOMWAY_BROKER=kafka KAFKA_BROKERS=localhost:9092 roomway app
  $ ROOMWAY_BROKER=rabbitmq RABBITMQ_URL=amqp://guest:guest@localhost roomway app
  $ ROOMWAY_BROKER=kafka KAFKA_BROKERS=localhost:9092 roomway app --handlers ./handlers.js`,
    )
    .action(async (options: RunOptions) => {
      const config = await context.config('app')
      const { runApp } = await import('../run-app.js')
      onExit(await runApp(context, config, options))
    })
}
