// From a request to a run that is claimed and ready to be conducted: items, prompts, scoring, and the queue that holds its work.
import { clone, create, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type SamplingParams, SamplingParamsSchema } from "@chimera/contracts/common";
import { InvalidRequestError } from "@chimera/kernel";
import type { Context } from "../context.ts";
import { type SplitName, splitName } from "../dataset/catalogue.ts";
import { loadPool } from "../prompt/load-pool.ts";
import { needsPool, type PromptPlan } from "../prompt/prompt.ts";
import type { Claim } from "../queue/queue.ts";
import { type PlainLook, plainLook } from "../tuning/plain-look.ts";
import { type PlannedArm, RunPlan } from "./plan.ts";
import { runIdOf } from "./run-id.ts";
import { type ScoringPlan, scoringPlan } from "./scoring.ts";

const DEFAULT_CONCURRENCY = 8;
const MAX_CONCURRENCY = 64;

// Greedy and short: what a label needs, and repeatable.
const DEFAULT_TEMPERATURE = 0;
export const DEFAULT_MAX_TOKENS = 16;

export interface ArmRequest {
  name: string;
  model: string;
  sampling: SamplingParams | undefined;
  prompt: PromptPlan;
  useCache: boolean;
}

export interface RunRequest {
  kind: "evaluate" | "compare";
  dataset: string;
  split: string;
  limit: number;
  runId: string;
  repeats: number;
  scorers: readonly string[];
  /** By scorer. */
  parameters: Readonly<Record<string, unknown>>;
  arms: readonly ArmRequest[];
}

export interface OpenRun {
  runId: string;
  name: SplitName;
  datasetHash: string;
  plan: RunPlan;
  scoring: ScoringPlan;
  look: PlainLook;
  claim: Claim;
}

/** Throws before anything is asked where the request, its data set or the queue can not be used. */
export async function openRun(context: Context, request: RunRequest): Promise<OpenRun> {
  const name = splitName(request.dataset, request.split);
  const runId = runIdOf(request.runId, context.random);
  const { items, hash: datasetHash, splitHash, shape } = await context.datasets.load(name, request.limit);
  const { scorers: asked, parameters } = request;
  const scoring = scoringPlan({ items, shape, asked, parameters });
  const isPoolNeeded = request.arms.some(({ prompt }) => needsPool(prompt));
  const pool = isPoolNeeded ? await loadPool(name.dataset, context.datasets) : undefined;
  const { kind, repeats } = request;
  const arms = request.arms.map(plannedArm);
  const plan = new RunPlan({ kind, ...name, datasetHash, items, arms, repeats, pool, ...scoring });
  const intent = plan.intent(context.replica);
  const queue = await context.queues.choose({ mustBeShared: request.runId !== "" });
  const { tuning, random } = context;
  const look = await plainLook({ ...tuning, random }, { name, hash: splitHash, settings: intent.fingerprint });
  const claim = await queue.claim(runId, intent);
  return { runId, name, datasetHash, plan, scoring, look, claim };
}

/** Fills in the default. Throws InvalidRequestError. */
export function concurrencyOf({ concurrency }: { concurrency: number }): number {
  if (concurrency <= MAX_CONCURRENCY) return concurrency || DEFAULT_CONCURRENCY;
  throw new InvalidRequestError([{ field: "concurrency", description: `at most ${MAX_CONCURRENCY}` }]);
}

export function plannedArm({ name, model, sampling, prompt, useCache }: ArmRequest): PlannedArm {
  const json = toJson(SamplingParamsSchema, samplingOf(sampling)) as Record<string, JsonValue>;
  return { arm: { name, model, sampling: json, votes: prompt.votes, useCache }, prompt };
}

function samplingOf(given: SamplingParams | undefined): SamplingParams {
  const sampling = given ? clone(SamplingParamsSchema, given) : create(SamplingParamsSchema);
  sampling.temperature ??= DEFAULT_TEMPERATURE;
  sampling.maxTokens ??= DEFAULT_MAX_TOKENS;
  return sampling;
}
