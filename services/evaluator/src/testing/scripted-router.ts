// For tests: a router on a real port whose answers are scripted. The evaluator meets it over gRPC like the real one.
import { create } from "@bufbuild/protobuf";
import { type GenerateResponse, GenerateResponseSchema } from "@chimera/contracts/common";
import { type GenerateRequest, RouterService } from "@chimera/contracts/router";
import { startServer } from "@chimera/rpc";
import type { HandlerContext } from "@connectrpc/connect";

export interface ScriptedCall {
  request: GenerateRequest;
  tenant: string;
  authorization: string;
  signal: AbortSignal;
}

export type Script = (call: ScriptedCall) => AsyncIterable<GenerateResponse>;

export interface ScriptedRouter {
  readonly url: string;
  readonly calls: readonly ScriptedCall[];
  close(): Promise<void>;
}

export async function startScriptedRouter(script: Script): Promise<ScriptedRouter> {
  const calls: ScriptedCall[] = [];
  async function* generate(request: GenerateRequest, rpc: HandlerContext) {
    const header = (name: string) => rpc.requestHeader.get(name) ?? "";
    const [tenant, authorization] = [header("x-chimera-tenant"), header("authorization")];
    const call = { request, tenant, authorization, signal: rpc.signal };
    calls.push(call);
    yield* script(call);
  }
  const server = await startServer({
    name: "scripted-router",
    host: "127.0.0.1",
    port: 0,
    services: [RouterService],
    routes: (routes) => routes.service(RouterService, { generate }),
    logger: { error: () => undefined },
  });
  return { url: `http://${server.address}`, calls, close: () => server.close() };
}

export function accepted(requestId: string): GenerateResponse {
  const value = { requestId, servedBy: "inference-1", model: "tiny", modelVersion: "v1" };
  return create(GenerateResponseSchema, { part: { case: "accepted", value } });
}

export function delta(seq: number, text: string): GenerateResponse {
  return create(GenerateResponseSchema, { part: { case: "delta", value: { seq, text, tokenCount: 1 } } });
}

export function complete(): GenerateResponse {
  return create(GenerateResponseSchema, { part: { case: "complete", value: {} } });
}
