/* Writes docs/asyncapi.json: npm run asyncapi */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryFolder } from '@roomway/testing'
import { asyncapiText } from './asyncapi-document.js'

writeFileSync(join(repositoryFolder(), 'docs/asyncapi.json'), asyncapiText)
