/** The module that a replacement stands for, by its path from the repository's root. Under `launch.ts` only. */
export async function originalOf<Module>(path: string): Promise<Module> {
  return (await import(`${new URL(`../../../${path}`, import.meta.url).href}?original`)) as Module
}
