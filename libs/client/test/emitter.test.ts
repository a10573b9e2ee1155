import { describe, expect, test } from '@jest/globals'
import { Emitter } from '../src/emitter.js'

const emitter = () => new Emitter<{ tick: number }>()

describe('listeners', () => {
  test('that one of them adds hear from the next event on', () => {
    const heard: string[] = []
    const ticks = emitter()
    const off = ticks.on('tick', (n) => {
      heard.push(`first ${n}`)
      off()
      ticks.on('tick', (later) => heard.push(`second ${later}`))
    })
    ticks.emit('tick', 1)
    expect(heard).toEqual(['first 1'])
    ticks.emit('tick', 2)
    expect(heard).toEqual(['first 1', 'second 2'])
  })

  test('that one of them takes off before their turn are not called any more', () => {
    const heard: string[] = []
    const ticks = emitter()
    ticks.on('tick', () => off())
    const off = ticks.on('tick', () => heard.push('taken off'))
    ticks.emit('tick', 1)
    expect(heard).toEqual([])
  })

  test('that are the same function are called as often as it was added, and taken off one by one', () => {
    let calls = 0
    const listener = () => calls++
    const ticks = emitter()
    const off = ticks.on('tick', listener)
    ticks.on('tick', listener)
    ticks.emit('tick', 1)
    expect(calls).toBe(2)
    off()
    off()
    ticks.emit('tick', 2)
    expect(calls).toBe(3)
    expect(ticks.has('tick')).toBe(true)
  })
})
