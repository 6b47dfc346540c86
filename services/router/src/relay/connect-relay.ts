// A relay that decodes and encodes every part with typed Connect. Simple and exact; dearer per token than moving bytes.
import type { InferenceService } from "@chimera/contracts/inference";
import { ownedStream, type RpcClient } from "@chimera/rpc";
import type { Relay } from "./relay.ts";

export function connectRelay({ client, close }: RpcClient<typeof InferenceService>): Relay {
  return {
    open: (request, signal) => ownedStream((owned) => client.generate(request, { signal: owned }), { signal }),
    close,
  };
}
