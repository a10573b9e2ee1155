/** An application in which the benchmark's rooms are direct. */
import { defineApp } from '@roomway/handlers'

export default defineApp({ 'bench:*': 'direct' })
