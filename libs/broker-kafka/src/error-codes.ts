/** Kafka's error codes that this adapter tells apart, from the protocol guide. */
export const errorCodes = {
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  requestTimedOut: 7,
  replicaNotAvailable: 9,
  messageTooLarge: 10,
  networkException: 13,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  topicAuthorizationFailed: 29,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  invalidProducerIdMapping: 49,
  kafkaStorageError: 56,
  unknownProducerId: 59,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 76,
  offsetNotAvailable: 78,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
} as const

const names = new Map<number, string>(Object.entries(errorCodes).map(([name, code]) => [code, name]))

const remedies = new Map<number, string>([
  [errorCodes.messageTooLarge, "send smaller records, or raise the topic's max.message.bytes"],
  [errorCodes.topicAuthorizationFailed, 'allow this user to read and write the topic'],
  [errorCodes.notEnoughReplicas, 'bring brokers back, or lower min.insync.replicas'],
])

/** What to do about it, where that can be said. */
export function remedyOf(code: number): string {
  const remedy = remedies.get(code)
  return remedy === undefined ? '' : `: ${remedy}`
}

export function errorName(code: number): string {
  return `${names.get(code) ?? 'error'} (${code})`
}
