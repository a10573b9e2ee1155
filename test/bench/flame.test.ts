import { describe, expect, test } from '@jest/globals'
import { type FlameNode, flameSvg } from './flame.js'

const node = (label: string, selfUs: number, children: FlameNode[] = [], place = 'libs/a/src/a.ts:1'): FlameNode => ({
  label,
  place,
  selfUs,
  children,
})
const widthOf = (svg: string, label: string) =>
  Number(new RegExp(`<title>${label} [^<]*</title><rect x="[^"]*" y="[^"]*" width="([^"]*)"`).exec(svg)?.[1])

describe('a flame graph', () => {
  test('is as wide for a function as it and what it called took', () => {
    const svg = flameSvg('t', [node('outer', 100, [node('inner', 300)]), node('(garbage collector)', 400, [], '')])
    expect(widthOf(svg, 'outer')).toBe(600)
    expect(widthOf(svg, 'inner')).toBe(450)
    expect(svg).toContain('inner libs/a/src/a.ts:1: 37.5 %')
  })

  test('joins what was called from one stack, and leaves out what took next to nothing', () => {
    const svg = flameSvg('t', [node('outer', 0, [node('twice', 200), node('twice', 300), node('tiny', 1)])])
    expect(svg.match(/>twice</g)).toHaveLength(1)
    expect(widthOf(svg, 'twice')).toBeCloseTo(1_200 * (500 / 501), 0)
    expect(svg).not.toContain('tiny')
  })

  test('is well-formed whatever functions are called', () => {
    expect(flameSvg('a & b', [node('<anonymous> "&"', 100)])).toContain('&lt;anonymous&gt; &quot;&amp;&quot;')
  })
})
