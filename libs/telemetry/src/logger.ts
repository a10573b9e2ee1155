import { type DestinationStream, type Logger, pino } from 'pino'

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

const secretFields = [
  'token',
  'resumeToken',
  'adminToken',
  'secret',
  'password',
  'authorization',
  'cookie',
  '["sec-websocket-protocol"]',
]

/** The fields themselves, and one and two levels down. */
const redactedPaths = secretFields.flatMap((field) => {
  const member = field.startsWith('[') ? field : `.${field}`
  return [field, `*${member}`, `*.*${member}`]
})

/** Secrets that hide inside longer texts: passwords in URLs, bearer tokens, JSON web tokens. */
const secretTexts = /(?<=:\/\/[^/\s"@]*:)[^/\s"@]+(?=@)|(?<=bearer[ .])[\w.~+/-]{16,}=*|\beyJ[\w-]+\.[\w-]+\.[\w-]*/gi

/**
 * A pino logger that writes JSON lines, `name` in each, to standard output (or `destination`). Fields named after secrets, and what looks like
 * a secret inside any text, errors' messages included, are written as `[secret]`.
 */
export function createLogger(name: string, level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: redactedPaths, censor: '[secret]' },
    hooks: { streamWrite: withoutSecrets },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

function withoutSecrets(line: string): string {
  return line.replaceAll(secretTexts, '[secret]')
}
