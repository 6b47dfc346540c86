// RouterService.Generate
import type { GenerateRequest } from "@chimera/contracts/router";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import { generate } from "../path/generate.ts";
import { incoming } from "./incoming.ts";

export function generateRpc(context: Context) {
  return (request: GenerateRequest, rpc: HandlerContext) => generate(context, incoming(context, request, rpc));
}
