// Inference replicas as a warm-up sees them: one call that has a prefix computed.
import { InferenceService } from "@chimera/contracts/inference";
import { connectClient, fromConnectError, type Tls } from "@chimera/rpc";
import type { Replicas } from "../warm-up/replicas.ts";
import type { WarmTools } from "../warm-up/run.ts";

const PREFIX_MS = 60_000;

/** One replica after the other, so that at most one of them is busy with it. */
export function prefixWarmer(replicas: Pick<Replicas, "of">, tls: Tls | undefined): WarmTools["warmPrefix"] {
  return async ({ model, messages, prompt }, signal) => {
    let computed = 0;
    for (const url of replicas.of(model)) {
      const replica = connectClient(InferenceService, url, { tls });
      try {
        const request = { model, messages, prompt };
        const { tokens, cachedTokens } = await replica.client.warmPrefix(request, { signal, timeoutMs: PREFIX_MS });
        if (cachedTokens < tokens) computed += 1;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw fromConnectError(error);
      } finally {
        replica.close();
      }
    }
    return computed;
  };
}
