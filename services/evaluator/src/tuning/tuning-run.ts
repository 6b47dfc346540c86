// One tuning run on the real mesh: search on validation items, the winner measured anew on fresh ones, then the guard. Everything it
// measures is kept, so that the same run can go on after a stop.
import { create } from "@bufbuild/protobuf";
import {
  type Proposal,
  ProposalSchema,
  type Trial,
  type TuneResult,
  TuneResultSchema,
} from "@chimera/contracts/evaluator";
import { quantile, type Random, seededRandom } from "@chimera/kernel";
import type { Item } from "../dataset/item.ts";
import type { Compared } from "../guard/index.ts";
import type { ShotPool } from "../prompt/shots.ts";
import type { Row } from "../run/outcome.ts";
import { clusterOf } from "../run/plan.ts";
import type { ScoringPlan } from "../run/scoring.ts";
import { labelReader } from "../scorer/label.ts";
import { type Configuration, type ItemMeasurement, type Limits, type SettingsProposal, Tuner } from "../tuner/index.ts";
import { type Answered, meanScore, nestedQuality, qualityOf } from "./estimates.ts";
import { bringToGuard, type GateOptions, identified, type Sides, shownShots, type Verdict } from "./gate.ts";
import type { ItemShares } from "./item-shares.ts";
import { toGain, toReason, toTrial } from "./messages.ts";
import { isGreedy, measurementsOf, type Play, scoreOf } from "./player.ts";
import type { TuningFiles } from "./tuning-files.ts";
import type { TuningSpace } from "./tuning-space.ts";

export type PlayItems = (play: Play, side: "validation" | "holdout") => Promise<readonly (readonly Row[])[]>;

export interface TuningRunOptions {
  runId: string;
  space: TuningSpace;
  shares: ItemShares;
  pool: ShotPool;
  scoring: ScoringPlan;
  trials: number;
  seed: number;
  limits: Limits;
  play: PlayItems;
  gate: GateOptions;
  signal: AbortSignal;
  elapsedMs(): number;
}

export type TuningEvent =
  | { kind: "progress"; trials: number; itemsScored: number; text: string }
  | { kind: "trial"; trial: Trial }
  | { kind: "result"; result: TuneResult };

type Opened = Awaited<ReturnType<TuningFiles["open"]>>;

/** Small changes that are tried: each asks all fresh items. */
const MAX_SMALL_CHANGES = 4;
/** Of all items that may be asked, those kept back for finalists, beside what cut trials saved. */
const FINAL_SHARE = 0.05;
/** Draws of a proposal that samples, to see how far chance moves its gain. */
const SEEDS = 3;

export class TuningRun {
  readonly #options: TuningRunOptions;
  readonly #opened: Opened;
  readonly #random: Random;
  readonly #trials: Trial[] = [];
  /** Configurations that were asked all search items, the baseline first. */
  readonly #finished: Configuration[] = [];
  #itemsScored = 0;
  #best = Number.NEGATIVE_INFINITY;

  constructor(options: TuningRunOptions, opened: Opened) {
    this.#options = options;
    this.#opened = opened;
    this.#random = seededRandom(options.seed);
  }

  async *run(): AsyncGenerator<TuningEvent, void, undefined> {
    const tuner = this.#tuner();
    yield this.#progress("the baseline is measured");
    for await (const event of tuner.run(this.#options.signal)) {
      if (event.kind === "trial") {
        const trial = this.#noteTrial(event.trial);
        yield { kind: "trial", trial };
        yield this.#progress(`trial ${trial.number}: ${trial.state}`);
      } else if (event.kind === "finalist") {
        yield this.#progress(`trial ${event.trial.index} is measured on further items`);
      } else {
        yield* this.#propose(event.proposal);
      }
    }
  }

  #tuner(): Tuner<Item> {
    const { space, shares, trials, seed, limits, scoring } = this.#options;
    return new Tuner<Item>({
      space: space.space,
      baseline: space.baseline,
      items: { search: shares.search, final: shares.final, confirmation: [] },
      ...{ trials, seed, limits, finalShare: FINAL_SHARE },
      // On top of what the trials may ask: else the last of them would not be made.
      budgetItems: Math.ceil((trials * shares.search.length) / (1 - FINAL_SHARE)),
      journal: this.#opened.journal,
      measure: async (configuration, items) => {
        const arms = [space.armOf(configuration)];
        // Where time is a limit it has to be measured.
        const mayUseCache = limits.ttftMsP95 === undefined;
        const [rows = []] = await this.#play({ name: "search", arms, items, mayUseCache });
        const answers = rows.map((row, at) => ({
          itemId: items[at]?.id ?? "",
          predicted: row.predicted,
          score: scoreOf(row, scoring),
        }));
        await this.#opened.answers.add(configuration, answers);
        return measurementsOf(rows, scoring) satisfies ItemMeasurement[];
      },
    });
  }

  #noteTrial(measured: Parameters<typeof toTrial>[0]): Trial {
    const { outcome, search, configuration } = measured;
    const score = meanScore(search.score);
    const isBest = outcome === "finished" && score > this.#best;
    if (isBest) this.#best = score;
    if (outcome === "finished") this.#finished.push(configuration);
    const trial = toTrial(measured, { space: this.#options.space, isBest });
    this.#trials.push(trial);
    return trial;
  }

  async *#propose(settings: SettingsProposal): AsyncGenerator<TuningEvent, void, undefined> {
    const { space, scoring, shares } = this.#options;
    const hasClasses = scoring.classes.length > 0;
    const winner = settings.configuration;
    yield this.#progress("the proposal is measured on fresh items");
    const fresh = await this.#pair("fresh", winner, shares.fresh);
    const validation = await qualityOf(answeredOf(fresh.candidate, scoring), { hasClasses });
    const nested = await this.#nested();
    const refusal = this.#refusal(winner, fresh);
    let verdict: Verdict | undefined;
    if (refusal === undefined) {
      yield this.#progress("small changes of the proposal are measured");
      const found = { ...(await this.#beside(winner, fresh)), ...this.#exposed(winner) };
      yield this.#progress("the guard is asked");
      verdict = await bringToGuard(this.#options.gate, { ...found, fresh: this.#scores(fresh.candidate) }, (items) =>
        this.#pair("holdout", winner, items),
      );
    }
    const holdout = verdict?.sides && (await qualityOf(answeredOf(verdict.sides.candidate, scoring), { hasClasses }));
    const proposal = create(ProposalSchema, {
      from: space.messageOf(space.baseline, "baseline"),
      to: space.messageOf(winner, "proposal"),
      validation,
      ...(nested && { nested }),
      ...(holdout && { holdout }),
      ...(verdict?.judgement.gain && { gain: toGain(verdict.judgement.gain) }),
      ...ratiosOf(verdict?.sides ?? fresh),
      isAccepted: verdict?.judgement.verdict === "accepted",
      reasons: refusal === undefined ? (verdict?.judgement.reasons ?? []).map(toReason) : [refusal],
    });
    yield { kind: "result", result: this.#result(settings, proposal) };
  }

  /** What needs no guard to be refused, and no look at the holdout. */
  #refusal(winner: Configuration, fresh: Sides): string | undefined {
    if (this.#options.space.isBaseline(winner)) return "Nothing was found that is better than what is in use.";
    const n = fresh.baseline.length;
    const difference = meanScore(this.#scores(fresh.candidate)) - meanScore(this.#scores(fresh.baseline));
    if (difference > 0) return undefined;
    const points = (100 * difference).toFixed(2);
    return `On ${n} fresh validation items the gain is ${points} pp, so no look at the holdout was spent. Try more trials, or more items a trial.`;
  }

  async #beside(winner: Configuration, fresh: Sides) {
    const { space, shares } = this.#options;
    const scores = this.#scores(fresh.candidate);
    const smallChanges: Compared[] = [];
    const neighbours = space.neighbours(winner, () => this.#random() < 0.5).slice(0, MAX_SMALL_CHANGES);
    for (const { name, configuration } of neighbours) {
      const arms = [space.armOf(configuration)];
      const [rows = []] = await this.#play({ name: "beside", arms, items: shares.fresh, mayUseCache: true });
      smallChanges.push({ name, baseline: scores, candidate: this.#scores(rows) });
    }
    return { smallChanges, gainsBySeed: await this.#gainsBySeed(winner, fresh) };
  }

  /** Empty where nothing is drawn. */
  async #gainsBySeed(winner: Configuration, fresh: Sides): Promise<number[]> {
    const { space, shares } = this.#options;
    const arm = space.armOf(winner);
    if (isGreedy(arm)) return [];
    const before = meanScore(this.#scores(fresh.baseline));
    const gains = [meanScore(this.#scores(fresh.candidate)) - before];
    for (let seed = 2; seed <= SEEDS; seed++) {
      const [rows = []] = await this.#play({
        ...{ name: `seed ${seed}`, arms: [arm], items: shares.fresh },
        mayUseCache: false,
      });
      gains.push(meanScore(this.#scores(rows)) - before);
    }
    return gains;
  }

  /** The examples a proposal shows, and all it was chosen or is judged by. */
  #exposed(winner: Configuration) {
    const { space, pool, shares, gate } = this.#options;
    const items = [...shares.search, ...shares.final, ...shares.fresh, ...gate.holdout.items];
    return { shots: shownShots(pool, items, space.armOf(winner).prompt), items: identified(items) };
  }

  async #nested() {
    const { shares, scoring } = this.#options;
    const trials = this.#finished.map((configuration) => this.#answers(configuration));
    const complete = trials.filter((answers) => answers.length === shares.search.length);
    return nestedQuality({ items: shares.search, trials: complete, hasClasses: scoring.classes.length > 0 });
  }

  #answers(configuration: Configuration): Answered[] {
    const { shares, scoring } = this.#options;
    return shares.search.flatMap((item) => {
      const known = this.#opened.answers.find(configuration, item.id);
      const target = scoring.classes.length > 0 ? labelReader(item.target)?.target : item.target;
      return known === undefined || target === undefined ? [] : [{ ...known, target, cluster: clusterOf(item) }];
    });
  }

  async #pair(side: "fresh" | "holdout", winner: Configuration, items: readonly Item[]): Promise<Sides> {
    const { space } = this.#options;
    const arms = [space.armOf(space.baseline), space.armOf(winner)];
    // Times are compared, so no answer may come from the cache.
    const play = { name: side, arms, items, mayUseCache: false };
    const [baseline = [], candidate = []] = await this.#play(play, side === "holdout" ? "holdout" : "validation");
    return { baseline, candidate };
  }

  #play(play: Play, side: "validation" | "holdout" = "validation"): ReturnType<PlayItems> {
    this.#itemsScored += play.items.length * play.arms.length;
    return this.#options.play(play, side);
  }

  #scores(rows: readonly Row[]): number[] {
    return rows.map((row) => scoreOf(row, this.#options.scoring));
  }

  #result(settings: SettingsProposal, proposal: Proposal): TuneResult {
    const { runId, elapsedMs } = this.#options;
    const front = settings.front.flatMap(({ trial }) => this.#trials[trial] ?? []);
    return create(TuneResultSchema, {
      ...{ runId, front, proposal, wallMs: elapsedMs() },
      itemsScored: BigInt(this.#itemsScored),
    });
  }

  #progress(text: string): TuningEvent {
    return { kind: "progress", trials: this.#trials.length, itemsScored: this.#itemsScored, text };
  }
}

function answeredOf(rows: readonly Row[], scoring: ScoringPlan): Answered[] {
  return rows.map((row) => ({ ...row, score: scoreOf(row, scoring) }));
}

function ratiosOf({ baseline, candidate }: Sides): { ttftRatio: number; tokensRatio: number } {
  const ttftP50Ms = (rows: readonly Row[]) =>
    quantile(Float64Array.from(rows.flatMap(({ ttftMs }) => ttftMs ?? [])).sort(), 0.5);
  const tokens = (rows: readonly Row[]) => meanScore(rows.map((row) => row.tokens));
  return { ttftRatio: ttftP50Ms(candidate) / ttftP50Ms(baseline), tokensRatio: tokens(candidate) / tokens(baseline) };
}
