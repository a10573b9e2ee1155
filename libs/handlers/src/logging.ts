import type { Logger } from '@roomway/broker'

const levels = ['debug', 'info', 'warn', 'error'] as const

/** Adds the fields to each line. */
export function withFields(logger: Logger, fields: object): Logger {
  const lines = levels.map((level) => [
    level,
    (own: object, message: string) => logger[level]({ ...fields, ...own }, message),
  ])
  return Object.fromEntries(lines) as unknown as Logger
}

const toConsole = (fields: object, message: string): void => console.error(message, fields)

/** Where nobody hands in a logger, in tests of an application, say. All of it goes to stderr. */
export const consoleLogger: Logger = { debug: () => undefined, info: toConsole, warn: toConsole, error: toConsole }
