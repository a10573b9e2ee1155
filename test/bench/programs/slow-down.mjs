/** Preloaded into a gateway that is to be slower: a busy loop before each frame that is published, `BENCH_SLOW_DOWN_US` long. */
import { loadUws } from '@roomway/uws'

const us = Number(process.env.BENCH_SLOW_DOWN_US)
const uws = loadUws()
const { App } = uws

// As many arguments as were given: the native function takes an undefined one for options.
uws.App = (...options) => {
  const app = App(...options)
  const publish = app.publish.bind(app)
  app.publish = (topic, message, isBinary, compress) => {
    const until = performance.now() + us / 1_000
    while (performance.now() < until);
    return publish(topic, message, isBinary, compress)
  }
  return app
}
