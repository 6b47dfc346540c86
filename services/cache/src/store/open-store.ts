// From the CACHE_STORE setting to an open byte store.
import { assert, type Clock, type Random, systemClock, systemRandom } from "@chimera/kernel";
import { KeyvStore } from "./keyv-store.ts";
import { SqliteAdapter } from "./sqlite-adapter.ts";
import { type ByteStore, NAMESPACE } from "./store.ts";

/** "memory"; "sqlite://" with an absolute path; "redis://" or "rediss://" with a host, and maybe user, port and database. */
export const STORE_ADDRESS = /^(?:memory|sqlite:\/\/\/.+|rediss?:\/\/(?:[^\s/@]*@)?[^\s/@:]+(?::\d{1,5})?(?:\/\d*)?)$/;

export interface OpenStoreOptions {
  /** Longest time a read of a store across a network may take. */
  readBudgetMs?: number;
  /** Rows that are read back at most from a store that others write to. */
  maxEntries?: number;
  clock?: Clock;
  random?: Random;
}

const DEFAULT_READ_BUDGET_MS = 20;
const DEFAULT_MAX_ENTRIES = 100_000;

export async function openStore(
  address: string,
  onError: (error: unknown) => void,
  options: OpenStoreOptions = {},
): Promise<ByteStore> {
  assert(STORE_ADDRESS.test(address), "the address of a store is checked with the settings");
  if (address === "memory") return new KeyvStore({ kind: "memory", adapter: new Map(), onError });
  if (address.startsWith("redis")) return openRedis(address, onError, options);
  const path = decodeURIComponent(new URL(address).pathname);
  const adapter = await SqliteAdapter.open({ path, namespace: NAMESPACE, onError });
  return new KeyvStore({ kind: "sqlite", adapter, ledger: adapter, onError });
}

async function openRedis(
  url: string,
  onError: (error: unknown) => void,
  options: OpenStoreOptions,
): Promise<ByteStore> {
  const { readBudgetMs = DEFAULT_READ_BUDGET_MS, maxEntries: maxKeys = DEFAULT_MAX_ENTRIES } = options;
  const { clock = systemClock, random = systemRandom } = options;
  // Its client is large, and only those who name a server need it.
  const { RedisAdapter } = await import("./redis-adapter.ts");
  const adapter = await RedisAdapter.open({ url, namespace: NAMESPACE, readBudgetMs, maxKeys, clock, random, onError });
  return new KeyvStore({ kind: "redis", adapter, ledger: adapter, isShared: true, readBudgetMs, onError });
}
