// The JetStream stream every event is kept in, and what the server we found can do.
import {
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { ALL_SUBJECTS } from "./codec.ts";

export const STREAM = "CHIMERA_EVENTS";

const MS_IN_NS = 1_000_000;

/** Same-id events within this window are stored once; it must outlast the longest outage an event may wait through. */
export const DUPLICATE_WINDOW_MS = 10 * 60_000;

const WANTED = {
  name: STREAM,
  subjects: [ALL_SUBJECTS],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  max_age: 24 * 3_600_000 * MS_IN_NS,
  max_bytes: 512 * 1024 * 1024,
  duplicate_window: DUPLICATE_WINDOW_MS * MS_IN_NS,
  num_replicas: 1,
} satisfies Partial<StreamConfig> & { name: string };

/** A NATS server that can not carry the mesh's events. */
export class NatsCapabilityError extends Error {
  override readonly name = "NatsCapabilityError";
}

/** Throws NatsCapabilityError with the remedy where the server lacks what we need. */
export function checkServer(connection: NatsConnection): void {
  const info = connection.info;
  const [major = 0, minor = 0] = (info?.version ?? "").split(".").map(Number);
  if (major < 2 || (major === 2 && minor < 9)) {
    throw new NatsCapabilityError(`nats-server ${info?.version} is too old: 2.9 or newer is needed`);
  }
  if (!info?.jetstream) {
    throw new NatsCapabilityError("nats-server runs without JetStream: start it with --jetstream");
  }
}

/**
 * Creates or updates the stream, then compares what the server made of it: older servers drop settings without a word.
 * Returns the names of settings that differ.
 */
export async function ensureStream(manager: JetStreamManager): Promise<string[]> {
  const made = await manager.streams.info(STREAM).then(
    () => manager.streams.update(STREAM, WANTED),
    () => manager.streams.add(WANTED),
  );
  const config = made.config as unknown as Record<string, unknown>;
  return Object.entries(WANTED)
    .filter(([key, value]) => JSON.stringify(config[key]) !== JSON.stringify(value))
    .map(([key]) => key);
}
