/** For brokers that a test opens itself. */
export const silentLogger = { debug() {}, info() {}, warn() {}, error() {} }
