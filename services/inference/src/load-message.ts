// The load of an engine as it travels, in reports and to watchers.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LoadSchema } from "@chimera/contracts/common";
import type { EngineLoad } from "./engine/engine.ts";

export function loadMessage(load: EngineLoad): MessageInitShape<typeof LoadSchema> {
  const { kvTokens, kvCapacityTokens, prefillTokensPerS, warmPrefixes, ...rest } = load;
  return {
    ...rest,
    kvTokens: BigInt(kvTokens),
    kvCapacityTokens: BigInt(kvCapacityTokens),
    warmPrefixes: [...warmPrefixes],
    ...(prefillTokensPerS !== undefined && { prefillTokensPerS }),
  };
}
