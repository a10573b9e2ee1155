import { eventually } from '@roomway/testing'

/** A span as Zipkin gives it back; the name is in lower case there. */
export interface ZipkinSpan {
  readonly traceId: string
  readonly id: string
  readonly parentId?: string
  readonly name: string
  readonly kind?: 'CLIENT' | 'SERVER' | 'PRODUCER' | 'CONSUMER'
  readonly localEndpoint: { readonly serviceName: string }
  readonly tags?: Readonly<Record<string, string>>
}

/** The spans of a trace so far; none where it is not known. */
export async function spansOf(zipkin: string, traceId: string): Promise<readonly ZipkinSpan[]> {
  const response = await fetch(`${zipkin}/api/v2/trace/${traceId}`)
  if (response.status === 404) return []
  if (!response.ok) throw new Error(`Zipkin answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as ZipkinSpan[]
}

/** The trace, once a span of this service is in it and its way up to the root is there. */
export function unbrokenTrace(zipkin: string, traceId: string, lastService: string): Promise<readonly ZipkinSpan[]> {
  const complete = async () => {
    const spans = await spansOf(zipkin, traceId)
    const isThere = spans.some(({ localEndpoint }) => localEndpoint.serviceName === lastService)
    if (!isThere || orphansOf(spans).length > 1) throw new Error(`so far ${JSON.stringify(spans.map(describe))}`)
    return spans
  }
  return eventually(complete, 30_000, `an unbroken trace ${traceId} as far as ${lastService}`)
}

/** The spans whose parent is not in the trace: one, the root, where it is unbroken. */
export function orphansOf(spans: readonly ZipkinSpan[]): readonly ZipkinSpan[] {
  const ids = new Set(spans.map(({ id }) => id))
  return spans.filter(({ parentId }) => parentId === undefined || !ids.has(parentId))
}

/** From the root to this span, each as `service: name`. */
export function pathTo(spans: readonly ZipkinSpan[], last: ZipkinSpan): readonly string[] {
  const parent = spans.find(({ id }) => id === last.parentId)
  return [...(parent === undefined ? [] : pathTo(spans, parent)), describe(last)]
}

function describe({ localEndpoint, name }: ZipkinSpan): string {
  return `${localEndpoint.serviceName}: ${name}`
}
