export { isLoopback } from './auth-config.js'
export type {
  AuthConfig,
  BrokerConfig,
  Config,
  EmbeddedConfig,
  JwtConfig,
  KafkaConfig,
  LimitsConfig,
  RabbitmqConfig,
  TlsClientConfig,
} from './config.js'
export { ConfigError } from './config-error.js'
export { configurationMarkdown, describeConfig, type SettingDescription } from './describe-config.js'
export { type Command, type LoadConfigOptions, loadConfig } from './load-config.js'
export type { Environment } from './raw-settings.js'
export { Secret } from './secret.js'
export type { SourceCondition, SourceConfig, SourceOriginConfig } from './sources/source-config.js'
export { parseReference, parseTemplate, type Reference, type Template } from './sources/template.js'
