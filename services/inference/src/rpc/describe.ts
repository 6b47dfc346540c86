// Describe: what this replica serves and how busy it is now.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DescribeResponseSchema } from "@chimera/contracts/inference";
import type { Context } from "../context.ts";

export function describe(context: Context) {
  return (): MessageInitShape<typeof DescribeResponseSchema> => {
    const { finished, cancelled, generatedTokens, defaultSampling, ...rest } = context.engine.describe();
    return {
      ...rest,
      defaultSampling: { ...defaultSampling, stop: [...defaultSampling.stop] },
      replica: context.replica,
      finished: BigInt(finished),
      cancelled: BigInt(cancelled),
      generatedTokens: BigInt(generatedTokens),
    };
  };
}
