// Describe: what this replica serves and how busy it is now.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DescribeResponseSchema } from "@chimera/contracts/inference";
import type { Context } from "../context.ts";

export function describe(context: Context) {
  return (): MessageInitShape<typeof DescribeResponseSchema> => {
    const { finished, cancelled, generatedTokens, ...rest } = context.engine.describe();
    return {
      ...rest,
      replica: context.replica,
      finished: BigInt(finished),
      cancelled: BigInt(cancelled),
      generatedTokens: BigInt(generatedTokens),
    };
  };
}
