export { AuthError } from './auth-error.js'
export {
  type Authenticator,
  type AuthOptions,
  createAuthenticator,
  type JwtOptions,
  type Revealable,
} from './authenticator.js'
export { findToken, type HandshakeHeaders } from './handshake-token.js'
export { anonymous, type Grants, type Identity } from './identity.js'
export { type OriginPolicy, originAllowed } from './origin.js'
export { createQuestionTokens, type QuestionTokens } from './question-token.js'
export { createResumeTokens, type ResumeClaims, type ResumeTokens } from './resume-token.js'
export { compilePatterns, escapeUser, PatternError, type RoomMatcher } from './room-pattern.js'
export { secretsEqual } from './secrets-equal.js'
export { type SignTokenOptions, signToken } from './sign-token.js'
