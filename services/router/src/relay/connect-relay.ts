// A relay that decodes and encodes every part with typed Connect. Simple and exact; dearer per token than moving bytes.
import type { InferenceService } from "@chimera/contracts/inference";
import { type ChimeraError, UnavailableError } from "@chimera/kernel";
import { fromConnectError, ownedStream, type RpcClient } from "@chimera/rpc";
import type { Relay } from "./relay.ts";

export function connectRelay({ client, close }: RpcClient<typeof InferenceService>): Relay {
  return {
    async *open(request, signal) {
      try {
        yield* ownedStream((owned) => client.generate(request, { signal: owned }), { signal });
      } catch (error) {
        throw signal.aborted ? error : withoutOurDoing(fromConnectError(error));
      }
    },
    close,
  };
}

/** A stream that was reset although nobody here wanted it to end: its replica is gone. */
function withoutOurDoing(error: ChimeraError): ChimeraError {
  return error.kind === "cancelled" ? new UnavailableError("the stream was reset", { cause: error }) : error;
}
