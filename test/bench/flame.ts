/*
 * A flame graph of a profile by V8, as SVG that needs no script: who called from bottom to top, width by time. Frames below a share of the whole
 * are left out, so that it stays small; what they took still counts for their callers. A frame's title says its place and share.
 */

export interface FlameFrame {
  readonly label: string
  readonly place: string
  readonly us: number
  readonly children: readonly FlameFrame[]
}

export interface FlameNode {
  readonly label: string
  readonly place: string
  readonly selfUs: number
  readonly children: readonly FlameNode[]
}

const width = 1_200
const rowHeight = 17
const leastShare = 0.003
const charWidth = 6.2
const headHeight = 30

/** @param roots the profile's outermost functions. */
export function flameSvg(title: string, roots: readonly FlameNode[]): string {
  const frames = merged(roots)
  const total = frames.reduce((sum, { us }) => sum + us, 0)
  const least = total * leastShare
  const height = headHeight + depthOf(frames, least) * rowHeight + 10
  const parts: string[] = []
  const draw = (level: readonly FlameFrame[], startUs: number, depth: number) => {
    let atUs = startUs
    for (const frame of level) {
      if (frame.us < least) continue
      parts.push(box(frame, (atUs / total) * width, height - 5 - (depth + 1) * rowHeight, total))
      draw(frame.children, atUs, depth + 1)
      atUs += frame.us
    }
  }
  draw(frames, 0, 0)
  const style = `<style>text{font:11px monospace;fill:#1f2328;pointer-events:none}rect{stroke:#fff;stroke-width:.5}</style>`
  const head = `<rect width="${width}" height="${height}" fill="#fff"/><text x="8" y="19" style="font-weight:bold">${escaped(title)}</text>`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">${style}${head}\n${parts.join('\n')}\n</svg>\n`
}

/** Those of one place, called from one stack, are one frame; the widest first. */
function merged(nodes: readonly FlameNode[]): FlameFrame[] {
  const byName = new Map<string, FlameNode[]>()
  for (const node of nodes) {
    const name = `${node.label} ${node.place}`
    byName.set(name, [...(byName.get(name) ?? []), node])
  }
  return [...byName.values()]
    .map((same) => {
      const children = merged(same.flatMap((node) => node.children))
      const selfUs = same.reduce((sum, node) => sum + node.selfUs, 0)
      const us = children.reduce((sum, child) => sum + child.us, selfUs)
      return { label: same[0]!.label, place: same[0]!.place, us, children }
    })
    .sort((a, b) => b.us - a.us)
}

function depthOf(frames: readonly FlameFrame[], least: number): number {
  return frames.reduce(
    (most, { us, children }) => (us < least ? most : Math.max(most, 1 + depthOf(children, least))),
    0,
  )
}

function box({ label, place, us }: FlameFrame, x: number, y: number, total: number): string {
  const wide = (us / total) * width
  const fits = Math.floor((wide - 6) / charWidth)
  const text = fits < 3 ? '' : label.length <= fits ? label : `${label.slice(0, fits - 1)}…`
  const written = text === '' ? '' : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(text)}</text>`
  const title = `<title>${escaped(`${label} ${place}: ${((us / total) * 100).toFixed(1)} %`)}</title>`
  return `<g>${title}<rect x="${x.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="${rowHeight - 1}" fill="${colorOf(place)}"/>${written}</g>`
}

/** By whose code it is. */
function colorOf(place: string): string {
  if (place.includes('node_modules')) return '#ffd8a8'
  if (/^(?:\.\.\/)*[^:]*(?:libs|services|test)\//.test(place)) return '#a5d8ff'
  return place.startsWith('node:') ? '#d3f9d8' : '#e9ecef'
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
