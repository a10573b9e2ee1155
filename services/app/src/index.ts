export { type App, type AppOptions, startApp } from './start.js'
