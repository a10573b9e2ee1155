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

/** Where nobody hands in a logger: in tests of an application, say. */
export const consoleLogger: Logger = {
  debug: () => undefined,
  info: (fields, message) => console.info(message, fields),
  warn: (fields, message) => console.warn(message, fields),
  error: (fields, message) => console.error(message, fields),
}
