import { roomHash } from '@roomway/protocol'

/** The partition a room lives in: Kafka's default partitioner, on every broker. */
export function homeOf(room: string, partitions: number): number {
  return roomHash(room) % partitions
}
