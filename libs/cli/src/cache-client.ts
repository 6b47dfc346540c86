// The cache of a mesh, for one command.
import { CacheService } from "@chimera/contracts/cache";
import { connectClient, fromConnectError, type RpcClient } from "@chimera/rpc";
import { addressOf } from "./addresses.ts";
import type { Surroundings } from "./config.ts";

/** Walking over a million entries takes seconds on a busy machine. */
export const CACHE_TIMEOUT_MS = 60_000;

/** Closed after `work`; what the cache refuses is an error of ours. */
export async function withCache<T>(
  url: string | undefined,
  surroundings: Surroundings,
  work: (cache: RpcClient<typeof CacheService>["client"]) => Promise<T>,
): Promise<T> {
  const { client, close } = connectClient(CacheService, addressOf("cache", url, surroundings));
  try {
    return await work(client);
  } catch (error) {
    throw fromConnectError(error);
  } finally {
    close();
  }
}
