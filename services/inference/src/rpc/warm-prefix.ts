// WarmPrefix: computes a prefix and keeps its state, for requests that begin with it.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { WarmPrefixRequest, WarmPrefixResponseSchema } from "@chimera/contracts/inference";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import { validateWarmPrefix } from "../validate.ts";
import { callSignal } from "./call-signal.ts";

type Response = MessageInitShape<typeof WarmPrefixResponseSchema>;

export function warmPrefix({ engine, maxPromptBytes, maxRequestMs }: Context) {
  return async (request: WarmPrefixRequest, rpc: HandlerContext): Promise<Response> => {
    const input = validateWarmPrefix(request, { model: engine.describe().model, maxPromptBytes });
    const { signal, release } = callSignal(rpc.signal, maxRequestMs);
    try {
      const { id, tokens, cachedTokens, savedBytes } = await engine.warmPrefix(input, signal);
      return { prefixId: id, tokens, cachedTokens, savedBytes: BigInt(savedBytes) };
    } finally {
      release();
    }
  };
}
