// The router as a warm-up sees it: one function, errors as ours, every stream owned.
import type { RouterService } from "@chimera/contracts/router";
import { fromConnectError, ownedStream, type RpcClient } from "@chimera/rpc";
import { type Generate, WARM_UP_WORKLOAD } from "../warm-up/make-answer.ts";

/** One answer, its wait in the router's queue included: at batch priority that can be long. */
const ANSWER_MS = 120_000;

/** `credentials`: bearer by tenant; a tenant without one is only named, which suffices where the router asks for none. */
export function routerGenerate(
  router: RpcClient<typeof RouterService>,
  credentials: () => ReadonlyMap<string, string>,
): Generate {
  return async function* generate(request, { tenant, signal }) {
    const bearer = credentials().get(tenant);
    const headers = {
      "x-chimera-tenant": tenant,
      "x-chimera-workload": WARM_UP_WORKLOAD,
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
    };
    const open = (own: AbortSignal) => router.client.generate(request, { signal: own, headers, timeoutMs: ANSWER_MS });
    try {
      yield* ownedStream(open, { signal, timeoutMs: ANSWER_MS });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw fromConnectError(error);
    }
  };
}
