/* Mutant of libs/records/src/first-outcome.ts: a free id may stand in a room any number of times. */
import { originalOf } from './original.js'

type Rules = typeof import('../../../libs/records/src/first-outcome.js')

export const { outcomeCounts } = await originalOf<Rules>('libs/records/src/first-outcome.ts')

export const isRepeat: Rules['isRepeat'] = () => false
