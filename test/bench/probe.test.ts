import { describe, expect, test } from '@jest/globals'
import { limitOf, type Probe } from './probe.js'

const probe = (change: Partial<Probe>): Probe => ({
  rate: 10_000,
  sent: 1,
  frames: 1,
  framesPerSecond: 10_000,
  p50Ms: 1,
  p99Ms: 500,
  serverCores: 0.5,
  publisherCores: 0.3,
  brokerCores: 0.2,
  clientCores: 0.1,
  idleCores: 0.8,
  otherCores: 0.1,
  threadRan: 0.5,
  threadWaited: 0,
  publisherLateMs: 2,
  ...change,
})

describe('what limits a rate', () => {
  test('is the server where its main thread ran all the time', () => {
    expect(limitOf(probe({ threadRan: 0.97 }))).toEqual({ counts: true, text: 'the server’s core' })
  })

  test('is the machine where nothing of it was idle', () => {
    const shared = limitOf(probe({ threadRan: 0.7, threadWaited: 0.2, idleCores: 0.02 }))
    expect(shared).toMatchObject({ counts: true, text: expect.stringContaining('ran 70 % and waited 20 %') })
  })

  test('is the machine where the server always had something to do, and no CPU for it', () => {
    const waiting = limitOf(probe({ threadRan: 0.74, threadWaited: 0.24, idleCores: 0.15 }))
    expect(waiting).toMatchObject({ counts: true, text: expect.stringContaining('waited 24 %') })
  })

  test('is nothing that counts where the server had time', () => {
    expect(limitOf(probe({ publisherLateMs: 300 }))).toEqual({ counts: false, text: 'the publisher' })
    expect(limitOf(probe({ publisherCores: 0.99, idleCores: 0 }))).toEqual({ counts: false, text: 'the publisher' })
    expect(limitOf(probe({ clientCores: 0.97, threadRan: 0.97 }))).toEqual({ counts: false, text: 'the load client' })
    const foreign = limitOf(probe({ otherCores: 64, threadRan: 0.97 }))
    expect(foreign).toEqual({ counts: false, text: 'something else that runs on the machine' })
    expect(limitOf(probe({}))).toEqual({ counts: false, text: 'the broker' })
  })
})
