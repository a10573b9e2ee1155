export type {
  AppOptions,
  HttpRequest,
  HttpResponse,
  RecognizedString,
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
  WebSocketBehavior,
} from 'uWebSockets.js'
export { type LoadUwsOptions, loadUws, type UWebSockets } from './load.js'
export { type UwsFault, UwsLoadError } from './load-error.js'
