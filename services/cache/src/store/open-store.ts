// From the CACHE_STORE setting to an open byte store.
import { assert } from "@chimera/kernel";
import { KeyvStore } from "./keyv-store.ts";
import { SqliteAdapter } from "./sqlite-adapter.ts";
import { type ByteStore, NAMESPACE } from "./store.ts";

/** "memory", or "sqlite://" with an absolute path. */
export const STORE_ADDRESS = /^(?:memory|sqlite:\/\/\/.+)$/;

export async function openStore(address: string, onError: (error: unknown) => void): Promise<ByteStore> {
  assert(STORE_ADDRESS.test(address), "the address of a store is checked with the settings");
  if (address === "memory") return new KeyvStore({ kind: "memory", adapter: new Map(), onError });
  const path = decodeURIComponent(new URL(address).pathname);
  const adapter = await SqliteAdapter.open({ path, namespace: NAMESPACE, onError });
  return new KeyvStore({ kind: "sqlite", adapter, ledger: adapter, onError });
}
