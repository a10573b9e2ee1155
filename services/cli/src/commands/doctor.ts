import type { Config } from '@roomway/config'
import { Command } from 'commander'
import type { Context, ExitCode } from '../context.js'
import type { Finding } from '../doctor/finding.js'
import type { PortUse } from '../doctor/port-check.js'

export function doctorCommand(context: Context, onExit: (code: ExitCode) => void): Command {
  return new Command('doctor')
    .description('Check everything Roomway needs here, and say what to do about each fault')
    .option('--json', 'print the findings as an object', false)
    .addHelpText(
      'after',
      `
Examples:
  $ roomway doctor
  $ ROOMWAY_BROKER=kafka KAFKA_BROKERS=localhost:9092 roomway doctor
  $ roomway doctor --json | jq '.findings[] | select(.status != "ok")'`,
    )
    .action(async (options: { readonly json: boolean }) => onExit(await doctor(context, options.json)))
}

async function doctor(context: Context, json: boolean): Promise<ExitCode> {
  const findings = await examine(context)
  const healthy = !findings.some(({ status }) => status === 'fail')
  context.print(json ? `${JSON.stringify({ healthy, findings })}\n` : findings.map(line).join(''))
  return healthy ? 0 : 1
}

function line({ check, status, detail, remedy }: Finding): string {
  return `${status.padEnd(5)} ${check}: ${detail}\n${remedy === undefined ? '' : `      → ${remedy}\n`}`
}

async function examine(context: Context): Promise<readonly Finding[]> {
  const { checkNode, checkWebSockets } = await import('../doctor/runtime-checks.js')
  const node = checkNode(process.versions.node)
  const config = await readConfig(context)
  if (Array.isArray(config)) return [node, await checkWebSockets(undefined), ...config]
  return [node, ...(await examineConfigured(config as Config))]
}

async function readConfig(context: Context): Promise<Config | Finding[]> {
  const { fail } = await import('../doctor/finding.js')
  try {
    return await context.config('doctor')
  } catch (error) {
    const { name, faults } = error as Error & { readonly faults: readonly string[] }
    if (name !== 'ConfigError') throw error
    return faults.map((fault) =>
      fail('configuration', fault, 'Correct the setting: docs/configuration.md lists them all'),
    )
  }
}

async function examineConfigured(config: Config): Promise<readonly Finding[]> {
  const [{ ok }, { checkWebSockets }, { checkPort }, { checkBroker }] = await Promise.all([
    import('../doctor/finding.js'),
    import('../doctor/runtime-checks.js'),
    import('../doctor/port-check.js'),
    import('../doctor/broker-check.js'),
  ])
  const groups = await Promise.all([
    checkWebSockets(config.cacheDir),
    ...portsOf(config).map((port) => checkPort(config.host, port)),
    checkBroker(config),
  ])
  const { broker, prefix, auth } = config
  return [ok('configuration', `broker ${broker.kind}, prefix ${prefix}, authentication ${auth.kind}`), ...groups.flat()]
}

const portsOf = ({ ports }: Config): readonly PortUse[] => [
  { name: 'gateway', setting: 'ROOMWAY_GATEWAY_PORT', port: ports.gateway, path: '/livez' },
  { name: 'app', setting: 'ROOMWAY_APP_PORT', port: ports.app, path: '/livez' },
  { name: 'console', setting: 'ROOMWAY_CONSOLE_PORT', port: ports.console, path: '/config.json' },
  { name: 'admin', setting: 'ROOMWAY_ADMIN_PORT', port: ports.admin, path: '/metrics' },
]
