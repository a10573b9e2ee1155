/*
 * Runs a program of the repository with some of its modules replaced by others with the same exports: `launch.ts '{"libs/a.ts":"test/b.ts"}' program.ts …`. This is how
 * faults, and mutants for the tests of the checker, come into processes whose code has no switch for them.
 */
import { register } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { repositoryFolder } from '@roomway/testing'

/** Paths from the repository's root: which module gives way to which. */
export type Replacements = Readonly<Record<string, string>>

const [, , table, program] = process.argv
const urlOf = (path: string) => pathToFileURL(join(repositoryFolder(), path)).href
const data = Object.entries(JSON.parse(table!) as Replacements).map(([from, to]) => [urlOf(from), urlOf(to)])
register('./launch-hooks.mjs', import.meta.url, { data })
process.argv.splice(1, 3, resolve(repositoryFolder(), program!))
await import(urlOf(program!))
