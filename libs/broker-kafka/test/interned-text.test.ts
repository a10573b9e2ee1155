import { describe, expect, test } from '@jest/globals'
import { InternedText } from '../src/interned-text.js'

/** With one slot, for which all texts compete; says what it had to decode. */
function oneSlot() {
  const decoded: string[] = []
  const texts = new InternedText(1, (text) => {
    decoded.push(text)
    return text.toUpperCase()
  })
  const get = (text: string): string => {
    const bytes = Buffer.from(`<${text}>`)
    return texts.get(bytes, 1, bytes.length - 1)
  }
  return { decoded, get }
}

describe('interned text', () => {
  test('is decoded no more once it came twice', () => {
    const { decoded, get } = oneSlot()
    expect(['tick', 'tick', 'tick', 'tick'].map(get)).toEqual(['TICK', 'TICK', 'TICK', 'TICK'])
    expect(decoded).toEqual(['tick', 'tick'])
  })

  test('is not pushed out by texts of which each comes once', () => {
    const { decoded, get } = oneSlot()
    get('tick')
    get('tick')
    for (let n = 0; n < 100; n++) expect(get(`id-${n}`)).toBe(`ID-${n}`)
    decoded.length = 0
    expect(get('tick')).toBe('TICK')
    expect(decoded).toEqual([])
  })

  test('makes place for another that comes again', () => {
    const { decoded, get } = oneSlot()
    for (const text of ['old', 'old', 'new', 'new']) get(text)
    decoded.length = 0
    expect([get('new'), get('old')]).toEqual(['NEW', 'OLD'])
    expect(decoded).toEqual(['old'])
  })

  test('that is long is decoded every time', () => {
    const { decoded, get } = oneSlot()
    const long = 'ü'.repeat(33)
    expect([get(long), get(long), get(long)]).toEqual(Array(3).fill('Ü'.repeat(33)))
    expect(decoded).toHaveLength(3)
  })
})
