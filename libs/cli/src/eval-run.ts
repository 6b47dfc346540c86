// Has the evaluator play a run, shows how far it is, and says how to go on with it where it is broken off.
import type { EvaluateProgress } from "@chimera/contracts/evaluator";
import { EvaluatorService } from "@chimera/contracts/evaluator";
import { InternalError } from "@chimera/kernel";
import { connectClient, fromConnectError, ownedStream, type RpcClient } from "@chimera/rpc";
import { addressOf } from "./addresses.ts";
import type { Surroundings } from "./config.ts";
import { type ProgressBar, progressBar } from "./terminal/progress-bar.ts";

type Evaluator = RpcClient<typeof EvaluatorService>["client"];

export interface FollowedRun<Event, Result> {
  url: string | undefined;
  /** For the bar, for example "tickets holdout". */
  title: string;
  surroundings: Surroundings;
  open(client: Evaluator, signal: AbortSignal): AsyncIterable<Event>;
  /** What an event means: how far the run is, its result, or something of the caller's own. */
  progressOf(event: Event): EvaluateProgress | undefined;
  resultOf(event: Event): Result | undefined;
  onEvent?(event: Event): Promise<void>;
}

/** An evaluation with its result may be large: free texts of every item. */
const MAX_RESPONSE_BYTES = 32 * 1024 * 1024;

export async function followRun<Event, Result>(run: FollowedRun<Event, Result>): Promise<Result> {
  const { surroundings, title } = run;
  const { terminal, clock, stopped } = surroundings;
  const address = addressOf("evaluator", run.url, surroundings);
  const { client, close } = connectClient(EvaluatorService, address, { maxResponseBytes: MAX_RESPONSE_BYTES });
  let bar: ProgressBar | undefined;
  let runId = "";
  try {
    for await (const event of ownedStream((signal) => run.open(client, signal), { signal: stopped })) {
      const progress = run.progressOf(event);
      if (progress !== undefined) {
        runId = progress.runId;
        bar ??= progressBar({ terminal, clock, title, total: progress.total });
        bar.update(progress.done, noteOf(progress));
      }
      await run.onEvent?.(event);
      const result = run.resultOf(event);
      if (result !== undefined) return result;
    }
  } catch (error) {
    bar?.clear();
    if (runId !== "")
      terminal.err(`${terminal.paintErr("dim", `Go on with it: the same command with --run ${runId}`)}\n`);
    throw stopped.aborted ? error : fromConnectError(error);
  } finally {
    bar?.clear();
    close();
  }
  throw new InternalError("the run ended without a result");
}

function noteOf({ failed, resumed }: EvaluateProgress): string {
  return [...(resumed > 0 ? [`${resumed} from before`] : []), ...(failed > 0 ? [`${failed} failed`] : [])].join(", ");
}
