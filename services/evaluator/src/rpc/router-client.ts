// The router as the runs see it: one function, errors as ours, every stream owned.
import type { RouterService } from "@chimera/contracts/router";
import { fromConnectError, ownedStream, type RpcClient } from "@chimera/rpc";
import type { Generate } from "../run/ask.ts";

/** `timeoutMs` bounds one answer, from the call to its last part. */
export function routerGenerate(router: RpcClient<typeof RouterService>, timeoutMs: number): Generate {
  return async function* generate(request, { tenant, signal }) {
    // Marks the request, so that measuring the mesh does not count as its traffic.
    const headers = { "x-chimera-tenant": tenant, "x-chimera-workload": "evaluation" };
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
