import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Application, isApplication, plainApplication } from '@roomway/handlers'
import { UsageError } from './context.js'

/** What `app` and `start` are told. */
export interface RunOptions {
  readonly json: boolean
  /** Path of a module, from the working directory. */
  readonly handlers?: string
}

/**
 * The application that a module exports by default; without one every command is accepted unchanged.
 * @throws UsageError where there is no such module, or it exports none; Error where it fails to load.
 */
export async function loadApplication(handlers: string | undefined): Promise<Application> {
  if (handlers === undefined) return plainApplication
  const file = resolve(handlers)
  const found = statSync(file, { throwIfNoEntry: false })
  if (found === undefined) throw new UsageError(`--handlers: there is no file ${file}`)
  if (found.isDirectory()) throw new UsageError(`--handlers: ${file} is a folder: name the module in it`)
  const module = await load(file)
  if (!('default' in module)) throw new UsageError(`--handlers: ${file} has no default export${oneMeant(module)}`)
  // A CommonJS module that was compiled from one in ESM.
  const { default: exported } = module as { readonly default: { readonly default?: unknown } | undefined }
  const application = isApplication(exported) ? exported : exported?.default
  if (isApplication(application)) return application
  throw new UsageError(`--handlers: the default export of ${file} is no application: export default defineApp({ … })`)
}

async function load(file: string): Promise<object> {
  try {
    return (await import(pathToFileURL(file).href)) as object
  } catch (cause) {
    const { name, message, stack = message, code = '' } = cause as NodeJS.ErrnoException
    if (/^ERR_(UNKNOWN_FILE_EXTENSION|UNSUPPORTED_.*TYPE.*)$/.test(code))
      throw new UsageError(`--handlers: ${file} cannot be loaded: JavaScript only, build it first (${message})`)
    const isSaidInFull = name === 'DefinitionError'
    throw new Error(`--handlers: ${file} cannot be loaded: ${isSaidInFull ? message : stack}`, { cause })
  }
}

function oneMeant(module: object): string {
  const name = Object.entries(module).find(([, value]) => isApplication(value))?.[0]
  return name === undefined ? '' : ` (${name} would be one)`
}
