export type { Decision, Handle } from './decision.js'
export { type App, type AppOptions, startApp } from './start.js'
