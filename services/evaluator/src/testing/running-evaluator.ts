// For tests: a whole evaluator in this process, in a folder of its own, its router scripted, NATS out of reach.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type EvaluateRequestSchema, type EvaluateResult, EvaluatorService } from "@chimera/contracts/evaluator";
import { createLogger, readSettings, type Service } from "@chimera/lifecycle";
import { connectClient, ownedStream, type RpcClient } from "@chimera/rpc";
import { fields } from "../config.ts";
import { createEvaluator } from "../service.ts";
import { type Script, type ScriptedRouter, startScriptedRouter } from "./scripted-router.ts";

export interface RunningEvaluator extends AsyncDisposable {
  router: ScriptedRouter;
  evaluator: Service;
  client: RpcClient<typeof EvaluatorService>;
  /** For data sets; the evaluator looks here. */
  folder: string;
}

export async function startEvaluator(script: Script, settings: Record<string, string> = {}): Promise<RunningEvaluator> {
  const folder = await mkdtemp(join(tmpdir(), "chimera-evaluator-test-"));
  const router = await startScriptedRouter(script);
  const config = readSettings("evaluator", fields, {
    EVALUATOR_PORT: "0",
    EVALUATOR_DRAIN_MS: "0",
    EVALUATOR_DATASETS_DIR: folder,
    EVALUATOR_DATA_DIR: join(folder, "state"),
    CHIMERA_ROUTER_URL: router.url,
    CHIMERA_NATS_URL: "nats://127.0.0.1:1",
    ...settings,
  });
  const evaluator = await createEvaluator(config, createLogger("evaluator", "silent"));
  const client = connectClient(EvaluatorService, `http://${evaluator.address}`);
  return {
    ...{ router, evaluator, client, folder },
    async [Symbol.asyncDispose]() {
      client.close();
      await evaluator.drain();
      await evaluator.dispose();
      await router.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function resultOf(
  { client }: Pick<RunningEvaluator, "client">,
  request: MessageInitShape<typeof EvaluateRequestSchema>,
): Promise<EvaluateResult> {
  for await (const { event } of ownedStream((signal) => client.client.evaluate(request, { signal }))) {
    if (event.case === "result") return event.value;
  }
  throw new Error("the stream ended without a result");
}
