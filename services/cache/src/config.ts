// Every setting of the cache, read from the environment once.
import { type SettingValues, setting } from "@chimera/lifecycle";
import { meshTlsFields } from "@chimera/rpc/settings";
import { z } from "zod";
import { STORE_ADDRESS } from "./store/open-store.ts";

export const fields = {
  host: setting("CACHE_HOST", "Address to listen on", z.string().min(1).default("127.0.0.1")),
  port: setting(
    "CACHE_PORT",
    "Port to listen on; 0 picks a free one",
    z.coerce.number().int().min(0).max(65535).default(7101),
  ),
  replica: setting("CACHE_REPLICA", "Name of this cache in events", z.string().min(1).max(63).default("cache")),
  capacityBytes: setting(
    "CACHE_CAPACITY_BYTES",
    "Sum of stored answers and their keys; one answer may take 5 % of it",
    z.coerce
      .number()
      .int()
      .min(64 * 1024)
      .default(64 * 1024 * 1024),
  ),
  maxEntries: setting(
    "CACHE_MAX_ENTRIES",
    "Number of stored answers",
    z.coerce.number().int().min(1).max(10_000_000).default(100_000),
  ),
  store: setting(
    "CACHE_STORE",
    "Where answers are kept: memory, or sqlite:///absolute/path.db to keep them across restarts",
    z.string().regex(STORE_ADDRESS, "must be memory or sqlite:///absolute/path.db").default("memory"),
  ),
  ttlSeconds: setting(
    "CACHE_TTL_S",
    "Age in seconds at which an answer is no longer fresh; a request may ask for less, never for more",
    z.coerce.number().int().min(1).max(31_536_000).default(86_400),
  ),
  staleSeconds: setting(
    "CACHE_STALE_S",
    "Seconds after that in which an answer is still served while a new one is made, unless its request says otherwise",
    z.coerce.number().int().min(0).max(31_536_000).default(0),
  ),
  drainMs: setting(
    "CACHE_DRAIN_MS",
    "Milliseconds that calls in flight get at the end",
    z.coerce.number().int().min(0).max(600_000).default(5000),
  ),
  natsUrl: setting("CHIMERA_NATS_URL", "NATS server for events", z.string().min(1).default("nats://127.0.0.1:4222")),
  ...meshTlsFields,
};

export type CacheConfig = SettingValues<typeof fields>;
