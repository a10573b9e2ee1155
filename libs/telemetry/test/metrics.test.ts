import { describe, expect, test } from '@jest/globals'
import { createMetrics, DurationHistogram } from '../src/index.js'

async function lines(metrics: ReturnType<typeof createMetrics>): Promise<readonly string[]> {
  return (await metrics.text()).split('\n').filter((line) => line !== '')
}

describe('metrics', () => {
  test('are read when they are asked for', async () => {
    const counts = { joins: 0, connections: 0, resumes: { recovered: 0, lost: 0 } }
    const metrics = createMetrics({ ofProcess: false })
    metrics.counter('roomway_joins_total', 'Joins.', () => counts.joins)
    metrics.counterBy('roomway_resumes_total', 'Resumes.', 'outcome', () => Object.entries(counts.resumes))
    metrics.gauge('roomway_connections', 'Connections.', () => counts.connections)
    metrics.gaugeBy('roomway_log_lag_records', 'Lag.', 'partition', () => [
      ['0', 5],
      ['1', 0],
    ])
    counts.joins = 3
    counts.connections = 2
    counts.resumes.lost = 1
    expect(await lines(metrics)).toEqual([
      '# HELP roomway_joins_total Joins.',
      '# TYPE roomway_joins_total counter',
      'roomway_joins_total 3',
      '# HELP roomway_resumes_total Resumes.',
      '# TYPE roomway_resumes_total counter',
      'roomway_resumes_total{outcome="recovered"} 0',
      'roomway_resumes_total{outcome="lost"} 1',
      '# HELP roomway_connections Connections.',
      '# TYPE roomway_connections gauge',
      'roomway_connections 2',
      '# HELP roomway_log_lag_records Lag.',
      '# TYPE roomway_log_lag_records gauge',
      'roomway_log_lag_records{partition="0"} 5',
      'roomway_log_lag_records{partition="1"} 0',
    ])
    counts.joins = 4
    expect(await lines(metrics)).toContain('roomway_joins_total 4')
    expect(metrics.contentType).toContain('text/plain')
  })

  test('of durations have cumulative buckets, a sum and a count, in seconds', async () => {
    const delivery = new DurationHistogram([0.01, 0.1])
    const metrics = createMetrics({ ofProcess: false })
    metrics.histogram('roomway_delivery_seconds', 'Delivery.', delivery)
    delivery.observeMs(10)
    delivery.observeMs(11, 3)
    delivery.observeMs(5000)
    expect((await lines(metrics)).slice(1)).toEqual([
      '# TYPE roomway_delivery_seconds histogram',
      'roomway_delivery_seconds_bucket{le="0.01"} 1',
      'roomway_delivery_seconds_bucket{le="0.1"} 4',
      'roomway_delivery_seconds_bucket{le="+Inf"} 5',
      'roomway_delivery_seconds_sum 5.043',
      'roomway_delivery_seconds_count 5',
    ])
  })

  test('of the process come along unless they are not wanted', async () => {
    expect(await createMetrics().text()).toMatch(/^process_resident_memory_bytes \d+/m)
    expect(await createMetrics({ ofProcess: false }).text()).not.toContain('process_')
  })

  test('have names by the rules, and each one once', () => {
    const metrics = createMetrics({ ofProcess: false })
    metrics.gauge('roomway_connections', '', () => 0)
    expect(() => metrics.gauge('roomway_connections', '', () => 0)).toThrow('exists already')
    expect(() => metrics.gauge('connections', '', () => 0)).toThrow('must begin with roomway_')
    expect(() => metrics.counter('roomway_joins', '', () => 0)).toThrow('_total')
    expect(() => metrics.gauge('roomway_joins_total', '', () => 0)).toThrow('_total')
  })
})
