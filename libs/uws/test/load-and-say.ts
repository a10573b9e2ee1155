import { loadUws } from '../src/index.js'

console.log(`App is a ${typeof loadUws().App}`)
