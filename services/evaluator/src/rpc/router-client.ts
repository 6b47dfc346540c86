// The router as the runs see it: one function, errors as ours, every stream owned.
import type { RouterService } from "@chimera/contracts/router";
import { fromConnectError, ownedStream, type RpcClient } from "@chimera/rpc";
import type { Generate } from "../run/ask.ts";

export interface RouterClientOptions {
  /** Bounds one answer, from the call to its last part. */
  timeoutMs: number;
  /** Read before every request; the router takes its tenant for that of all items. Items name their own where it is undefined. */
  apiKey(): string | undefined;
}

export function routerGenerate(
  router: RpcClient<typeof RouterService>,
  { timeoutMs, apiKey }: RouterClientOptions,
): Generate {
  return async function* generate(request, { tenant, signal }) {
    const key = apiKey();
    const caller = key === undefined ? ["x-chimera-tenant", tenant] : ["authorization", `Bearer ${key}`];
    // Marks the request, so that measuring the mesh does not count as its traffic.
    const headers = Object.fromEntries([caller, ["x-chimera-workload", "evaluation"]]);
    try {
      yield* ownedStream((own) => router.client.generate(request, { signal: own, headers, timeoutMs }), {
        signal,
        timeoutMs,
      });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw fromConnectError(error);
    }
  };
}
