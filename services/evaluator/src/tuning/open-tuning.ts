// From a request to a tuning run that is ready to go: items of both sides, examples without look-alikes of any of them, the space, and
// what an earlier part of the same run has left.
import type { Configuration as ConfigurationMessage, TuneRequest, TuneResult } from "@chimera/contracts/evaluator";
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";
import type { Context } from "../context.ts";
import { splitName } from "../dataset/catalogue.ts";
import type { Item } from "../dataset/item.ts";
import { nearDuplicates } from "../guard/index.ts";
import { poolItems } from "../prompt/load-pool.ts";
import { PLAIN, promptPlan } from "../prompt/prompt.ts";
import { ShotPool } from "../prompt/shots.ts";
import { concurrencyOf } from "../run/open-run.ts";
import { runIdOf } from "../run/run-id.ts";
import { scoringPlan } from "../run/scoring.ts";
import { identified } from "./gate.ts";
import type { GuardBook } from "./guard-book.ts";
import { type ItemShares, shareOut } from "./item-shares.ts";
import { Player } from "./player.ts";
import type { TuningFiles } from "./tuning-files.ts";
import { type PlayItems, TuningRun } from "./tuning-run.ts";
import { type Baseline, TuningSpace } from "./tuning-space.ts";

/** What tuning adds to the context of a handler. */
export interface TuningContext {
  readonly files: TuningFiles;
  readonly book: GuardBook;
  /** Looks that a holdout is good for. */
  readonly looks: number;
  models(signal: AbortSignal): Promise<readonly string[]>;
}

export type Opening = Pick<Context, "queues" | "clock" | "replica" | "random" | "datasets" | "tuning">;

export interface OpenTuning extends Disposable {
  runId: string;
  trials: number;
  /** Of a run that had ended before. */
  ended: TuneResult | undefined;
  run(): TuningRun;
  keep(result: TuneResult): Promise<void>;
  close(): Promise<void>;
}

const DEFAULT_TRIALS = 60;
const DEFAULT_ITEMS_PER_TRIAL = 200;
const MAX_TRIALS = 400;
const MAX_ITEMS_PER_TRIAL = 5000;

/** Throws before anything is asked where the request or its data set can not be used. */
export async function openTuning(context: Opening, request: TuneRequest, signal: AbortSignal): Promise<OpenTuning> {
  const { files } = context.tuning;
  const wanted = readRequest(request);
  const runId = runIdOf(request.runId, context.random);
  const taken = files.take(runId);
  try {
    const ended = request.runId === "" ? undefined : await files.result(runId);
    const options = await optionsOf(context, { ...wanted, request, runId }, signal);
    const opened = await files.open(runId, options.plan);
    return {
      ...{ runId, trials: wanted.trials, ended },
      run: () => new TuningRun(options.run, opened),
      keep: (result) => files.keepResult(result),
      close: () => opened.journal.close(),
      [Symbol.dispose]: () => taken[Symbol.dispose](),
    };
  } catch (error) {
    taken[Symbol.dispose]();
    throw error;
  }
}

interface Wanted {
  trials: number;
  itemsPerTrial: number;
  concurrency: number;
  baseline: Baseline;
  seed: number;
}

function readRequest(request: TuneRequest): Wanted {
  const trials = request.trials || DEFAULT_TRIALS;
  const itemsPerTrial = request.itemsPerTrial || DEFAULT_ITEMS_PER_TRIAL;
  const violations: FieldViolation[] = [];
  if (trials > MAX_TRIALS) violations.push({ field: "trials", description: `at most ${MAX_TRIALS}` });
  if (itemsPerTrial > MAX_ITEMS_PER_TRIAL) {
    violations.push({ field: "items_per_trial", description: `at most ${MAX_ITEMS_PER_TRIAL}` });
  }
  for (const field of ["maxTtftP95Ms", "maxTokensPerItem"] as const) {
    const bound = request[field];
    if (bound !== undefined && !(bound > 0))
      violations.push({ field: FIELDS[field], description: "above 0, or unset" });
  }
  if (request.seed > Number.MAX_SAFE_INTEGER) violations.push({ field: "seed", description: "below 2^53" });
  if (violations.length > 0) throw new InvalidRequestError(violations);
  const seed = Number(request.seed);
  return { trials, itemsPerTrial, concurrency: concurrencyOf(request), baseline: baselineOf(request.baseline), seed };
}

const FIELDS = { maxTtftP95Ms: "max_ttft_p95_ms", maxTokensPerItem: "max_tokens_per_item" } as const;

function baselineOf(configuration: ConfigurationMessage | undefined): Baseline {
  const { model = "", sampling, prompt } = configuration ?? {};
  return { name: "baseline", model, sampling, prompt: prompt ? promptPlan(prompt, "baseline.prompt") : PLAIN };
}

async function optionsOf(
  context: Opening,
  wanted: Wanted & { request: TuneRequest; runId: string },
  signal: AbortSignal,
) {
  const { request, runId, baseline, seed, trials, concurrency } = wanted;
  const { datasets, tuning, random } = context;
  const [validationName, holdoutName] = [
    splitName(request.dataset, "validation"),
    splitName(request.dataset, "holdout"),
  ];
  const validation = await datasets.load(validationName);
  const holdout = await datasets.load(holdoutName);
  const pool = new ShotPool(
    apart(await poolItems(validationName.dataset, datasets), [...validation.items, ...holdout.items]),
  );
  const models = await tuning.models(signal);
  const space = new TuningSpace({ baseline, parameters: request.parameters, models });
  const shares = shareOut(validation.items, wanted.itemsPerTrial);
  // Labels of both sides: an answer with a label that only the other side has is wrong, not no answer.
  const scoring = scoringPlan({ items: [...validation.items, ...holdout.items], shape: validation.shape });
  const limits = { ttftMsP95: request.maxTtftP95Ms, tokens: request.maxTokensPerItem };
  // Once: without NATS every question after it would cost its wait.
  const queue = await context.queues.choose({ mustBeShared: false });
  const base = { context, queue, runId, pool, scoring, concurrency, signal };
  const players = {
    validation: new Player({ ...base, name: validationName }),
    holdout: new Player({ ...base, name: holdoutName }),
  };
  const play: PlayItems = (what, side) => players[side].play(what);
  const gate = {
    book: tuning.book,
    holdout: { name: holdoutName, ...holdout },
    ...{ looks: tuning.looks, scoring, random },
  };
  const startedMs = context.clock.monotonicMs();
  const elapsedMs = () => context.clock.monotonicMs() - startedMs;
  return {
    plan: planOf({ space, shares, seed, trials, limits, hash: validation.hash }),
    run: { runId, space, shares, pool, scoring, trials, seed, limits, play, gate, signal, elapsedMs },
  };
}

/** All that decides which measurements a run asks for. */
function planOf(of: {
  space: TuningSpace;
  shares: ItemShares;
  seed: number;
  trials: number;
  limits: object;
  hash: string;
}) {
  const { space, shares, seed, trials, limits, hash } = of;
  const baseline = space.messageOf(space.baseline, "");
  return {
    ...{ space: space.description, seed, trials, limits, hash, items: shares.search.length },
    baseline: JSON.stringify(baseline, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value)),
  };
}

/** Examples that are no near-duplicate of an item anybody is scored on: such a one would tell the answer. */
function apart(examples: readonly Item[], scored: readonly Item[]): Item[] {
  const alike = new Set(nearDuplicates(identified(examples), identified(scored)).map(({ left }) => left));
  return examples.filter(({ id }) => !alike.has(id));
}
