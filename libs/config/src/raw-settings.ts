import { readFileSync } from 'node:fs'
import { type SettingName, settings } from './settings.js'

export type Environment = Readonly<Record<string, string | undefined>>

/** A setting's text and where it was found. */
export interface RawSetting {
  readonly value: string
  /** The path of the file; undefined: the environment. */
  readonly file: string | undefined
}

export type RawSettings = ReadonlyMap<SettingName, RawSetting>

export interface RawResult {
  readonly raw: RawSettings
  readonly faults: readonly string[]
}

/** Collects the settings of both sources; the environment wins. An empty value is as good as none. */
export function collectSettings(env: Environment, file: string | undefined): RawResult {
  const faults: string[] = []
  const raw = new Map<SettingName, RawSetting>()
  if (file !== undefined) collectFile(file, raw, faults)
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value === '' || isServiceVariable(name, value)) continue
    if (isSetting(name)) raw.set(name, { value, file: undefined })
    else if (name.startsWith('ROOMWAY_')) faults.push(unknown(name, 'the environment'))
  }
  return { raw, faults }
}

function collectFile(file: string, raw: Map<SettingName, RawSetting>, faults: string[]): void {
  const content = readObject(file)
  if (typeof content === 'string') {
    faults.push(content)
    return
  }
  for (const [name, value] of Object.entries(content)) {
    const text = asText(value)
    if (!isSetting(name)) faults.push(unknown(name, file))
    else if (text === undefined)
      faults.push(`${name} in ${file} must be text, a number, true, false or a list of texts`)
    else if (text !== '') raw.set(name, { value: text, file })
  }
}

/** The object in the file, or the sentence that says why there is none. */
function readObject(file: string): object | string {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content
    return `the configuration file ${file} must hold a JSON object`
  } catch (error) {
    // A parser's message quotes what it read, which may be a secret.
    const reason = error instanceof SyntaxError ? 'it is not valid JSON' : (error as Error).message
    return `the configuration file ${file} cannot be read: ${reason}`
  }
}

function asText(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? value.join(',') : undefined
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined
}

function isSetting(name: string): name is SettingName {
  return Object.hasOwn(settings, name)
}

/**
 * Kubernetes gives every pod variables named after the services of its namespace; with a service called `roomway-gateway`,
 * `ROOMWAY_GATEWAY_PORT` is `tcp://10.0.0.1:8080`. They are not settings.
 */
function isServiceVariable(name: string, value: string): boolean {
  if (/_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/.test(name)) return true
  if (/_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name)) return true
  return name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value)
}

function unknown(name: string, where: string): string {
  const nearest = Object.keys(settings)
    .map((known) => ({ known, distance: editDistance(ownPart(name), ownPart(known)) }))
    .reduce((best, candidate) => (candidate.distance < best.distance ? candidate : best))
  const isLikely = nearest.distance <= Math.min(3, Math.floor(ownPart(name).length / 2))
  const hint = isLikely ? `; did you mean ${nearest.known}?` : ''
  return `${name} in ${where} is not a setting${hint}`
}

/** What all settings share makes none of them likelier. */
const ownPart = (name: string): string => name.replace(/^ROOMWAY_/, '')

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substituted, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
