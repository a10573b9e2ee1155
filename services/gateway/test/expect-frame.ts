import type { ServerFrame } from '@roomway/protocol'
import { serverFrameSchemas } from '@roomway/protocol/server-frames'

const strict = Object.fromEntries(
  Object.entries(serverFrameSchemas).map(([type, schema]) => [type, schema.strict()] as const),
)

/** The frame, if it is one that the protocol describes, with no member that it does not. @throws where it is none. */
export function expectFrame(frame: { readonly type?: unknown }): ServerFrame {
  const schema = strict[String(frame.type)]
  if (schema === undefined) throw new Error(`the protocol has no frame of the type ${String(frame.type)}`)
  schema.parse(frame)
  return frame as ServerFrame
}
