import { Command } from 'commander'
import type { Context, ExitCode } from '../context.js'

export function appCommand(context: Context, onExit: (code: ExitCode) => void): Command {
  return new Command('app')
    .description('Run an instance of the application tier: HTTP publishing, commands, movers')
    .option('--json', 'print where it listens as an object', false)
    .addHelpText(
      'after',
      `
Examples:
  $ ROOMWAY_BROKER=kafka KAFKA_BROKERS=localhost:9092 roomway app
  $ ROOMWAY_BROKER=rabbitmq RABBITMQ_URL=amqp://guest:guest@localhost roomway app`,
    )
    .action(async (options: { readonly json: boolean }) => {
      const config = await context.config('app')
      const { runApp } = await import('../run-app.js')
      onExit(await runApp(context, config, options.json))
    })
}
