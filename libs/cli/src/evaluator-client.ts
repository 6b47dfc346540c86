// One short call to the evaluator of the mesh, its errors as ours.
import { EvaluatorService } from "@chimera/contracts/evaluator";
import { connectClient, fromConnectError, type RpcClient } from "@chimera/rpc";
import { addressOf } from "./addresses.ts";
import type { Surroundings } from "./config.ts";

const TIMEOUT_MS = 15_000;

type Evaluator = RpcClient<typeof EvaluatorService>["client"];

export async function callEvaluator<T>(
  url: string | undefined,
  surroundings: Surroundings,
  call: (client: Evaluator, options: { signal: AbortSignal; timeoutMs: number }) => Promise<T>,
): Promise<T> {
  const { client, close } = connectClient(EvaluatorService, addressOf("evaluator", url, surroundings));
  try {
    return await call(client, { signal: surroundings.stopped, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    throw surroundings.stopped.aborted ? error : fromConnectError(error);
  } finally {
    close();
  }
}
