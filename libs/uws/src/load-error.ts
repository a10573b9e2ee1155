/**
 * Why uWebSockets.js is not to be had here: the package is missing; no binary for the platform; none for this Node's ABI; the
 * C library is not glibc; glibc is too old; no folder for the adapted copy; the file is damaged or something else it needs is missing.
 */
export type UwsFault = 'not_installed' | 'platform' | 'node_abi' | 'musl' | 'glibc' | 'cache_dir' | 'unloadable'

/** The message says what is missing and what to do about it. */
export class UwsLoadError extends Error {
  override readonly name = 'UwsLoadError'
  readonly fault: UwsFault
  constructor(fault: UwsFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}
