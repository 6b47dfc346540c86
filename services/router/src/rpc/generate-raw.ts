// RouterService.Generate for gRPC over HTTP/2: bytes in, bytes out.
import { fromBinary } from "@bufbuild/protobuf";
import { type GenerateRequest, GenerateRequestSchema } from "@chimera/contracts/router";
import { InvalidRequestError } from "@chimera/kernel";
import type { RawCall, RawMethod } from "@chimera/rpc";
import type { Context } from "../context.ts";
import { enter, giveBack } from "../path/enter.ts";
import { generate } from "../path/generate.ts";

export function generateRaw(context: Context): RawMethod {
  return {
    path: "/chimera.router.v1.RouterService/Generate",
    async handle(call) {
      const { signal, timeoutMs } = call;
      const incoming = await enter(context, { header: (name) => call.header(name), door: "grpc", signal, timeoutMs });
      const request = await read(call).catch((error: unknown) => {
        giveBack(context, incoming, error);
        throw error;
      });
      await generate(context, incoming, request, call);
    },
  };
}

async function read(call: RawCall): Promise<GenerateRequest> {
  const message = await call.message();
  try {
    return fromBinary(GenerateRequestSchema, message);
  } catch {
    throw new InvalidRequestError([{ field: "request", description: "is no GenerateRequest in protobuf" }]);
  }
}
