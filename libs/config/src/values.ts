import { z } from 'zod'
import { Secret } from './secret.js'

// Settings come as text, from the environment or from a file. These are the kinds of values that the text may hold.

export const text = () => z.string()

export const choice = <const T extends readonly [string, ...string[]]>(options: T) =>
  z.enum(options, { error: `must be one of ${options.join(', ')}` })

export const integer = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`
  return z
    .string()
    .regex(/^\d{1,15}$/, error)
    .transform(Number)
    .pipe(z.number().min(min, error).max(max, error))
}

export const port = () => integer(0, 65_535)

export const flag = () =>
  z
    .enum(['true', 'false', '1', '0'], { error: 'must be true or false' })
    .transform((value) => value === 'true' || value === '1')

export const list = () =>
  z.string().transform(
    (value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '') as readonly string[],
  )

/** A comma-separated list, each item of which matches. */
export const listOf = (pattern: RegExp, error: string) =>
  list().refine((items) => items.length > 0 && items.every((item) => pattern.test(item)), error)

export const secret = (minBytes = 1) =>
  z
    .string()
    .refine((value) => Buffer.byteLength(value) >= minBytes, `must be at least ${minBytes} bytes long`)
    .transform((value) => new Secret(value))

export const url = (protocols: readonly string[]) =>
  z.string().refine((value) => isUrl(value, protocols), urlError(protocols))

/** A URL that may hold a password. */
export const secretUrl = (protocols: readonly string[]) => url(protocols).transform((value) => new Secret(value))

function isUrl(value: string, protocols: readonly string[]): boolean {
  return URL.canParse(value) && protocols.includes(new URL(value).protocol)
}

function urlError(protocols: readonly string[]): string {
  return `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`
}
