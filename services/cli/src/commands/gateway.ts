import { Command } from 'commander'
import type { Context, ExitCode } from '../context.js'

export function gatewayCommand(context: Context, onExit: (code: ExitCode) => void): Command {
  return new Command('gateway')
    .description('Run a connection node: WebSocket for clients, in front of Kafka or RabbitMQ')
    .option('--json', 'print where it listens as an object', false)
    .addHelpText(
      'after',
      `
Examples:
  $ ROOMWAY_BROKER=kafka KAFKA_BROKERS=localhost:9092 roomway gateway
  $ ROOMWAY_BROKER=rabbitmq RABBITMQ_URL=amqp://guest:guest@localhost roomway gateway`,
    )
    .action(async (options: { readonly json: boolean }) => {
      const config = await context.config('gateway')
      const { runGateway } = await import('../run-gateway.js')
      onExit(await runGateway(context, config, options.json))
    })
}
