/** One configuration for every package; sources are run as they are, no build comes first. */
export default {
  testMatch: ['<rootDir>/{libs,services}/*/test/**/*.test.ts', '<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  globalSetup: '<rootDir>/infra/setup/jest-setup.mjs',
  globalTeardown: '<rootDir>/infra/setup/jest-teardown.mjs',
  testTimeout: 60_000,
  workerIdleMemoryLimit: '1GB',
}
