// Insight of a mesh, for one command.
import { InsightService } from "@chimera/contracts/insight";
import { connectClient, fromConnectError, type RpcClient } from "@chimera/rpc";
import { addressOf } from "./addresses.ts";
import type { Surroundings } from "./config.ts";

/** A dry run of the warm-up reads a day of the log. */
export const INSIGHT_TIMEOUT_MS = 60_000;

export async function withInsight<T>(
  url: string | undefined,
  surroundings: Surroundings,
  work: (insight: RpcClient<typeof InsightService>["client"]) => Promise<T>,
): Promise<T> {
  const { client, close } = connectClient(InsightService, addressOf("insight", url, surroundings));
  try {
    return await work(client);
  } catch (error) {
    throw surroundings.stopped.aborted ? error : fromConnectError(error);
  } finally {
    close();
  }
}
