import { readFileSync } from 'node:fs'
import type { Command as CommandName } from '@roomway/config'
import { Command, CommanderError } from 'commander'
import { appCommand } from './commands/app.js'
import { deadCommand } from './commands/dead.js'
import { doctorCommand } from './commands/doctor.js'
import { gatewayCommand } from './commands/gateway.js'
import { publishCommand } from './commands/publish.js'
import { startCommand } from './commands/start.js'
import { tailCommand } from './commands/tail.js'
import { tokenCommand } from './commands/token.js'
import { type Context, type ExitCode, faultObject, type Surroundings } from './context.js'

const commands = [
  startCommand,
  gatewayCommand,
  appCommand,
  publishCommand,
  tailCommand,
  tokenCommand,
  deadCommand,
  doctorCommand,
]

/** Runs one command line (without `node` and the script's name) to its end. Never throws. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  let exitCode: ExitCode = 0
  const program = createProgram(surroundings, (code) => {
    exitCode = code
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    return report(error, argv.includes('--json'), surroundings)
  }
}

function createProgram(surroundings: Surroundings, onExit: (code: ExitCode) => void): Command {
  const program = new Command('roomway')
    .description('A real-time gateway: rooms over WebSocket, with a durable log behind them.')
    .option('--config <file>', 'configuration file, JSON with the names of the environment variables')
    .version(version())
    .showHelpAfterError('(--help says what is possible)')
    .addHelpText('after', `\n${remoteHelp}`)
  const config = (command: CommandName) => readConfig(surroundings, command, program.opts<{ config?: string }>().config)
  const context: Context = { ...surroundings, config }
  for (const define of commands) program.addCommand(define(context, onExit))
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({ writeOut: surroundings.print, writeErr: surroundings.note })
  }
  return program
}

const withSubcommands = (command: Command): readonly Command[] => [
  command,
  ...command.commands.flatMap(withSubcommands),
]

const remoteHelp = `Commands that talk to a running Roomway: ROOMWAY_URL says where it is (default ws://127.0.0.1:8080/v1/ws),
ROOMWAY_TOKEN who is asking. Exit code: 0 done, 1 failed, 2 bad usage or configuration.`

async function readConfig(surroundings: Surroundings, command: CommandName, file: string | undefined) {
  const { loadConfig } = await import('@roomway/config')
  return loadConfig(surroundings.env, { command, ...(file === undefined ? {} : { file }) })
}

const folderAdvice = '. Stop that one, or choose another data folder (ROOMWAY_DATA_DIR)'

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}

function report(error: unknown, asJson: boolean, { note }: Surroundings): ExitCode {
  // Help that was asked for, or the version, ends with 0; help after a fault does not.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const { name } = error as Error
  const message = (error as Error).message + (name === 'FolderInUseError' ? folderAdvice : '')
  if (asJson) note(`${JSON.stringify({ error: { ...faultObject(error as Error), message } })}\n`)
  else note(`roomway: ${message}\n${name === 'UsageError' ? '(--help says what is possible)\n' : ''}`)
  return name === 'UsageError' || name === 'ConfigError' ? 2 : 1
}
