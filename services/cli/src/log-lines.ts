import type { Config } from '@roomway/config'
import { createLogger } from '@roomway/telemetry'
import type { Context } from './context.js'
import { printable } from './shown.js'

type LogLine = Readonly<Record<string, unknown>>

/** The logger of a long-running command: on standard error, as JSON lines, or readable where a terminal shows them. */
export function openLogger(context: Context, config: Config) {
  const write = (line: string) => context.note(context.isTerminal ? readable(line) : line)
  return createLogger('roomway', config.logLevel, { write })
}

/** `10:42:01 warn  what happened  field=value` for a JSON line; what is none stays as it is. */
export function readable(line: string): string {
  try {
    const { time, level, msg, name: _name, err, error, ...fields } = JSON.parse(line) as LogLine
    const clock = String(time).slice(11, 19)
    const rest = Object.entries({ ...fields, ...reasonOf(err ?? error) }).map(
      ([key, value]) => `  ${key}=${shown(value)}`,
    )
    return `${clock} ${String(level).padEnd(5)} ${String(msg)}${rest.join('')}\n`
  } catch {
    return line
  }
}

function reasonOf(error: unknown): LogLine {
  if (error === undefined) return {}
  return { reason: typeof error === 'object' && error !== null && 'message' in error ? error.message : error }
}

/** On one line, whatever others wrote. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return printable(text).replaceAll('\n', '\\n')
}
