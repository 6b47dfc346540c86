// Compare: two configurations on the same items, asked in turns, then their differences with intervals.
import { create } from "@bufbuild/protobuf";
import {
  type CompareRequest,
  type CompareResponse,
  CompareResponseSchema,
  CompareResultSchema,
  type Configuration,
} from "@chimera/contracts/evaluator";
import { InvalidRequestError } from "@chimera/kernel";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import { PLAIN, promptPlan } from "../prompt/prompt.ts";
import type { UnitResult } from "../queue/queue.ts";
import { type Comparison, compare as compareRows, EarlyStop, pairsOf } from "../run/comparison.ts";
import { conduct } from "../run/coordinator.ts";
import { figuresOf } from "../run/figures.ts";
import { type ArmRequest, concurrencyOf, type OpenRun, openRun, type RunRequest } from "../run/open-run.ts";
import { Outcome, type Row } from "../run/outcome.ts";
import { isRight } from "../run/scoring.ts";
import { toProgress, toResult } from "./messages.ts";

const ARMS = ["baseline", "candidate"] as const;

export function compare(context: Context) {
  return async function* (
    request: CompareRequest,
    rpc: Pick<HandlerContext, "signal">,
  ): AsyncGenerator<CompareResponse, void, undefined> {
    const wanted = readRequest(request);
    const level = levelOf(request);
    const concurrency = concurrencyOf(request);
    using _ = context.slots.take();
    const startedMs = context.clock.monotonicMs();
    const run = await openRun(context, wanted);
    const { runId, name, plan } = run;
    context.logger.info({ runId, ...name, questions: plan.total }, "comparison starts");
    const sides = new Sides(run, level);
    const events = conduct({
      claim: run.claim,
      plan,
      concurrency,
      onResult: (result) => sides.add(result),
      isDecided: () => sides.isDecided,
      clock: context.clock,
      signal: rpc.signal,
    });
    for await (const event of events) {
      if (event.kind !== "progress") continue;
      yield create(CompareResponseSchema, { event: { case: "progress", value: toProgress(event.progress, runId) } });
    }
    await run.look.settle(sides.modelVersions);
    const value = await sides.result(() => context.clock.monotonicMs() - startedMs);
    context.logger.info({ runId, verdict: value.verdict, text: value.text }, "comparison ended");
    yield create(CompareResponseSchema, { event: { case: "result", value } });
  };
}

function readRequest(request: CompareRequest): RunRequest {
  const { dataset, split, limit, runId } = request;
  const arms = ARMS.map((side): ArmRequest => {
    const configuration: Configuration | undefined = request[side];
    const { name = "", model = "", sampling, prompt } = configuration ?? {};
    const plan = prompt === undefined ? PLAIN : promptPlan(prompt, `${side}.prompt`);
    return { name: name || side, model, sampling, prompt: plan, useCache: false };
  });
  return { kind: "compare", dataset, split, limit, runId, repeats: 1, scorers: [], parameters: {}, arms };
}

function levelOf({ stopAtLevel }: CompareRequest): number | undefined {
  if (stopAtLevel === 0) return undefined;
  if (stopAtLevel > 0.5 && stopAtLevel < 1) return stopAtLevel;
  throw new InvalidRequestError([
    { field: "stop_at_level", description: "0, or above 0.5 and below 1, for example 0.95" },
  ]);
}

/** Both sides as their answers come, and the pairs that are complete. */
class Sides {
  readonly #run: OpenRun;
  readonly #outcomes = { baseline: new Outcome(), candidate: new Outcome() };
  readonly #early: EarlyStop | undefined;
  /** Pairs of which one side is there: as many as requests are in flight, about. */
  readonly #waiting = new Map<number, Row>();

  constructor(run: OpenRun, level: number | undefined) {
    this.#run = run;
    this.#early = level === undefined ? undefined : new EarlyStop(level, run.plan.total / 2);
  }

  get isDecided(): boolean {
    return (this.#early?.decidedAt ?? 0) > 0;
  }

  get modelVersions(): string {
    return Object.values(this.#outcomes)
      .map(({ modelVersion }) => modelVersion)
      .join(" | ");
  }

  add(result: UnitResult): void {
    const pair = Math.floor(result.unit / 2);
    const side = ARMS[result.arm] ?? "baseline";
    const row = this.#outcomes[side].add(result, { pair, correct: isRight(result, this.#run.scoring) });
    const other = this.#waiting.get(pair);
    if (other === undefined) {
      this.#waiting.set(pair, row);
      return;
    }
    this.#waiting.delete(pair);
    const [baseline, candidate] = side === "baseline" ? [row, other] : [other, row];
    this.#early?.add({ baseline, candidate, cluster: row.cluster });
  }

  async result(wallMs: () => number) {
    const { runId, name, datasetHash, scoring } = this.#run;
    const hasClasses = scoring.classes.length > 0;
    const { baseline, candidate } = this.#outcomes;
    const figures = [await figuresOf(baseline, { hasClasses }), await figuresOf(candidate, { hasClasses })] as const;
    const comparison = await compareRows(pairsOf(baseline, candidate), { hasClasses, early: this.#early });
    const about = { ...name, runId, datasetHash, wallMs: wallMs() };
    return create(CompareResultSchema, {
      ...known(comparison),
      baseline: toResult(figures[0], about),
      candidate: toResult(figures[1], about),
    });
  }
}

/** What has no value for this data set is left out. */
function known({ pairs: _, ...comparison }: Comparison) {
  const { macroF1Difference, ttftRatio, ...rest } = comparison;
  return { ...rest, ...(macroF1Difference && { macroF1Difference }), ...(ttftRatio && { ttftRatio }) };
}
