/** Module hooks of launch.ts: some modules give way to others. `x.ts?original` is the one that was replaced. */
const original = '?original'
let replacements = new Map()

/** `replaced`: pairs of file URLs, from and to. */
export function initialize(replaced) {
  replacements = new Map(replaced)
}

export async function resolve(specifier, context, next) {
  if (specifier.endsWith(original)) return { url: specifier, shortCircuit: true }
  const { parentURL } = context
  const parent = parentURL?.endsWith(original) ? parentURL.slice(0, -original.length) : parentURL
  const resolved = await next(specifier, { ...context, parentURL: parent })
  const url = replacements.get(resolved.url)
  return url === undefined ? resolved : { ...resolved, url }
}

export function load(url, context, next) {
  return next(url.endsWith(original) ? url.slice(0, -original.length) : url, context)
}
