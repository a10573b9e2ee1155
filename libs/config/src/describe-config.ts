import { type Setting, settingGroups } from './settings.js'

/** One row of the table of settings. Texts are Markdown. */
export interface SettingDescription {
  readonly group: string
  readonly name: string
  /** Empty where there is none. */
  readonly default: string
  readonly meaning: string
  readonly secret: boolean
}

/** Every setting, in the order of the documentation. */
export function describeConfig(): readonly SettingDescription[] {
  return Object.entries(settingGroups).flatMap(([group, members]) =>
    Object.entries<Setting>(members).map(([name, setting]) => ({
      group,
      name,
      default: defaultOf(setting),
      meaning: setting.meaning,
      secret: setting.secret === true,
    })),
  )
}

function defaultOf(setting: Setting): string {
  if (setting.defaultMeaning !== undefined) return setting.defaultMeaning
  const value = setting.schema.parse(undefined) as string | number | boolean | undefined
  return value === undefined ? '' : `\`${value}\``
}

const introduction = `# Configuration

Every setting is an environment variable; a JSON file with the same names says the same (\`--config file\`, or \`ROOMWAY_CONFIG\`), and
the environment wins. In the file, numbers, \`true\`, \`false\` and lists of texts may be written as such. Everything is validated at
once when a command starts, and all faults are listed; a \`ROOMWAY_\` name that is not in these tables is refused. An empty value is
as good as none. Kubernetes' own service variables (\`*_SERVICE_HOST\`, \`*_PORT=tcp://…\`) are ignored. Settings marked **secret** never
show in a log, an error or an answer. Tracing is set by OpenTelemetry's own \`OTEL_\` variables, and is off by default.
`

/** docs/configuration.md. A test holds the file equal; `npm run docs -w @roomway/config` writes it. */
export function configurationMarkdown(): string {
  const rows = describeConfig()
  const sections = Object.keys(settingGroups).map(
    (group) => `## ${group}\n\n${table(rows.filter((row) => row.group === group))}`,
  )
  return [introduction, ...sections].join('\n')
}

function table(rows: readonly SettingDescription[]): string {
  const lines = rows.map(
    (row) => `| \`${row.name}\` | ${row.default} | ${row.meaning}${row.secret ? ' **Secret.**' : ''} |`,
  )
  return `${['| name | default | meaning |', '|---|---|---|', ...lines].join('\n')}\n`
}
