// Takes a CacheChanged event into the log of the caches.
import type { CacheChanged } from "@chimera/contracts/events";
import { eventTimeMs } from "./event-time.ts";
import type { Records } from "./records.ts";

export function takeCacheChanged(records: Records, message: CacheChanged): void {
  const atMs = eventTimeMs(message.at);
  if (atMs === undefined || message.replica === "") {
    records.intake.refuse();
    return;
  }
  records.intake.tookPlace(atMs);
  records.caches.push({
    replica: message.replica,
    atMs,
    entries: Number(message.entries),
    bytes: Number(message.bytes),
    capacityBytes: Number(message.capacityBytes),
    hits: Number(message.hits),
    misses: Number(message.misses),
    evictions: Number(message.evictions),
    storeErrors: Number(message.storeErrors),
  });
}
