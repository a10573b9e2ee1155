import type { Logger } from '@roomway/broker'

const nothing = (): void => undefined

export const quiet: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
