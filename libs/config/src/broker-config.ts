import { readFileSync } from 'node:fs'
import type { BrokerConfig, KafkaConfig, RabbitmqConfig, TlsClientConfig } from './config.js'
import { Secret } from './secret.js'
import type { SettingValues } from './settings.js'

/** The chosen broker's settings; only those of the chosen one are looked at. Undefined where faults were added. */
export function brokerConfig(values: SettingValues, needsBroker: boolean, faults: string[]): BrokerConfig | undefined {
  if (values.ROOMWAY_BROKER === undefined && needsBroker) {
    faults.push('ROOMWAY_BROKER is needed here: kafka or rabbitmq (embedded serves one process: npx roomway start)')
    return undefined
  }
  if (values.ROOMWAY_BROKER === 'kafka') return kafka(values, faults)
  if (values.ROOMWAY_BROKER === 'rabbitmq') return rabbitmq(values, faults)
  return { kind: 'embedded', dataDir: values.ROOMWAY_DATA_DIR }
}

function kafka(values: SettingValues, faults: string[]): KafkaConfig | undefined {
  const brokers = values.KAFKA_BROKERS
  const tls = tlsFiles('KAFKA', values, faults)
  const sasl = kafkaSasl(values, faults)
  if (brokers === undefined) {
    faults.push('KAFKA_BROKERS is needed with ROOMWAY_BROKER=kafka: host:port of some brokers, separated by commas')
    return undefined
  }
  const plainTls = values.KAFKA_TLS ? { ca: undefined, cert: undefined, key: undefined } : undefined
  return { kind: 'kafka', brokers, tls: tls ?? plainTls, sasl }
}

function kafkaSasl(values: SettingValues, faults: string[]): KafkaConfig['sasl'] {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = values
  if (mechanism === undefined && username === undefined && password === undefined) return undefined
  if (mechanism !== undefined && username !== undefined && password !== undefined)
    return { mechanism, username, password }
  faults.push('KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD go together: give all three or none')
  return undefined
}

function rabbitmq(values: SettingValues, faults: string[]): RabbitmqConfig | undefined {
  const url = values.RABBITMQ_URL
  const tls = tlsFiles('RABBITMQ', values, faults)
  if (url === undefined) {
    faults.push('RABBITMQ_URL is needed with ROOMWAY_BROKER=rabbitmq: amqp://user:password@host:5672')
    return undefined
  }
  const encrypted = new URL(url.reveal()).protocol === 'amqps:'
  if (tls !== undefined && !encrypted) faults.push('RABBITMQ_TLS_… settings need RABBITMQ_URL to begin with amqps://')
  const plainTls = encrypted ? { ca: undefined, cert: undefined, key: undefined } : undefined
  return { kind: 'rabbitmq', url, tls: tls ?? plainTls }
}

function tlsFiles(which: 'KAFKA' | 'RABBITMQ', values: SettingValues, faults: string[]): TlsClientConfig | undefined {
  const ca = pem(`${which}_TLS_CA`, values, faults)
  const cert = pem(`${which}_TLS_CERT`, values, faults)
  const key = pem(`${which}_TLS_KEY`, values, faults)
  if ((values[`${which}_TLS_CERT`] === undefined) !== (values[`${which}_TLS_KEY`] === undefined)) {
    faults.push(`${which}_TLS_CERT and ${which}_TLS_KEY go together: give both or none`)
  }
  if (ca === undefined && cert === undefined && key === undefined) return undefined
  return { ca, cert, key: key === undefined ? undefined : new Secret(key) }
}

type PemSetting = `${'KAFKA' | 'RABBITMQ'}_TLS_${'CA' | 'CERT' | 'KEY'}`

function pem(name: PemSetting, values: SettingValues, faults: string[]): string | undefined {
  const path = values[name]
  if (path === undefined) return undefined
  try {
    const content = readFileSync(path, 'utf8')
    if (content.includes('-----BEGIN ')) return content
    faults.push(`${name}: ${path} is not a PEM file`)
  } catch (error) {
    faults.push(`${name}: ${(error as Error).message}`)
  }
  return undefined
}
