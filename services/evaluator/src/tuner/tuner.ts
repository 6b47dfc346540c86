// Looks for a better configuration: trials on common items, the hopeless ones cut short, the saved items spent on finalists,
// the choice by the smoothed estimate and not by the luckiest score, and the gain measured on items nothing was chosen by.
// Everything is decided by seed and measurements alone, so a run that is started again with its journal goes on as it would have.
import { FailedPreconditionError } from "@chimera/kernel";
import type { Observation } from "./gaussian-process.ts";
import { measureBlock } from "./measuring.ts";
import { type Plan, planOf, type TunerOptions } from "./options.ts";
import { meets } from "./pareto.ts";
import { proposalOf, type SettingsProposal } from "./proposal.ts";
import { Proposer } from "./propose.ts";
import { Halving, isBehind } from "./racing.ts";
import type { Configuration } from "./space.ts";
import { joined, type Measured, mean, NOTHING_MEASURED, noiseOf, type Trial, type TrialOutcome } from "./trial.ts";

/** Trials that fail in a row before the run ends: then it is the measuring that is broken. */
const MAX_FAILED_IN_ROW = 8;
/** Finalists, and how many times the final items are dealt out among them. */
const FINALISTS = 4;
const FINAL_ROUNDS = 4;
/** A failed trial counts as this much worse than the worst score, with the noise of a guess. */
const FAILURE = { below: 0.05, noise: 0.01 };
/** Standard deviations by which an uncertain estimate must be better to be chosen. */
const CAUTION = 0.25;

export type TunerEvent =
  | { readonly kind: "trial"; readonly trial: Trial; readonly itemsSpent: number }
  | { readonly kind: "finalist"; readonly trial: Trial; readonly itemsSpent: number }
  | { readonly kind: "proposal"; readonly proposal: SettingsProposal };

export class Tuner<Item> {
  readonly #plan: Plan<Item>;
  readonly #proposer: Proposer;
  readonly #halving: Halving;
  readonly #trials: Trial[] = [];
  #itemsSpent = 0;

  /** Throws InvalidRequestError where an option is out of range. */
  constructor(options: TunerOptions<Item>) {
    this.#plan = planOf(options);
    const { space, seed, sampler, startTrials, keptShare } = this.#plan;
    this.#proposer = new Proposer({ space, seed, sampler, startTrials });
    this.#halving = new Halving({ keptShare, startAfter: startTrials });
  }

  /** One event per trial and finalist, then the proposal. Leaving the iteration between events stops the run. */
  async *run(signal: AbortSignal): AsyncGenerator<TunerEvent, void, undefined> {
    for (let count = this.#batchSize(); count > 0; count = this.#batchSize()) {
      // A batch is decided on what was known before it, whichever of its trials ends first.
      const best = this.#bestSearched();
      const configurations = this.#nextBatch(count);
      const measured = await Promise.all(configurations.map((each) => this.#search(each, best, signal)));
      for (const [position, { search, error }] of measured.entries()) {
        yield this.#noteTrial(configurations[position] ?? {}, { search, error, best });
      }
      this.#stopIfBroken();
    }
    yield* this.#finals(signal);
    yield { kind: "proposal", proposal: await this.#proposal(signal) };
  }

  #noteTrial(
    configuration: Configuration,
    of: { search: Measured; error: string; best: Trial | undefined },
  ): TunerEvent {
    const trial: Trial = {
      index: this.#trials.length,
      configuration,
      point: this.#plan.space.pointOf(configuration),
      outcome: this.#outcomeOf(of),
      search: of.search,
      final: NOTHING_MEASURED,
      error: of.error,
    };
    this.#trials.push(trial);
    for (const end of this.#rungEnds()) {
      if (end <= of.search.score.length) this.#halving.note(end, mean(of.search.score.slice(0, end)));
    }
    return { kind: "trial", trial, itemsSpent: this.#itemsSpent };
  }

  #outcomeOf({ search, error, best }: { search: Measured; error: string; best: Trial | undefined }): TrialOutcome {
    if (error !== "") return "failed";
    if (search.score.length >= this.#plan.itemsPerTrial) return "finished";
    return best && this.#isBehind(search, best) ? "raced-out" : "halved-out";
  }

  #nextBatch(count: number): Configuration[] {
    const { baseline, space } = this.#plan;
    const observations = this.#observations();
    const batch: Configuration[] = [];
    while (batch.length < count) {
      const index = this.#trials.length + batch.length;
      const isBaseline = index === 0 && baseline !== undefined;
      const configuration = isBaseline ? baseline : this.#proposer.next(index, observations);
      batch.push(configuration);
      if (batch.length === count || observations.length < 2) continue;
      // Taken as measured with what is expected of it, so that the next one goes elsewhere (constant liar).
      const point = space.pointOf(configuration);
      const { mean: score, sd } = this.#proposer.process(observations).at(point);
      observations.push({ point, score, noise: sd * sd });
    }
    return batch;
  }

  /** Block by block up to the share of a trial, unless a rung ends it. */
  async #search(
    configuration: Configuration,
    best: Trial | undefined,
    signal: AbortSignal,
  ): Promise<{ search: Measured; error: string }> {
    const { items, itemsPerTrial } = this.#plan;
    let search = NOTHING_MEASURED;
    for (const end of [...this.#rungEnds(), itemsPerTrial]) {
      const from = search.score.length;
      const block = { name: `search ${from}-${end}`, configuration, items: items.search.slice(from, end) };
      this.#itemsSpent += block.items.length;
      const { error, ...measured } = await measureBlock(block, { ...this.#plan, signal });
      if (error !== "") return { search: NOTHING_MEASURED, error };
      search = joined(search, measured);
      if (end === itemsPerTrial || !this.#halving.goesOn(end, mean(search.score))) break;
      if (best && this.#isBehind(search, best)) break;
    }
    return { search, error: "" };
  }

  #rungEnds(): number[] {
    const { rungs, itemsPerTrial } = this.#plan;
    return rungs.map((rung) => Math.ceil(rung * itemsPerTrial));
  }

  #isBehind(search: Measured, best: Trial): boolean {
    return isBehind(search.score, best.search.score, this.#plan.itemsPerTrial);
  }

  /** The finalists take turns in being asked the final items, as long as the budget lasts; after each round the best go on. */
  async *#finals(signal: AbortSignal): AsyncGenerator<TunerEvent, void, undefined> {
    const { items, budgetItems } = this.#plan;
    for (let round = 0; round < FINAL_ROUNDS; round++) {
      const finalists = this.#ranked().slice(0, Math.max(2, FINALISTS - round));
      const share = (budgetItems - this.#itemsSpent) / (FINAL_ROUNDS - round) / Math.max(finalists.length, 1);
      for (const { index } of finalists) {
        const trial = this.#trials[index];
        const from = trial?.final.score.length ?? 0;
        const end = Math.min(items.final.length, from + Math.floor(share));
        if (trial === undefined || end <= from) continue;
        const block = {
          name: `final ${from}-${end}`,
          configuration: trial.configuration,
          items: items.final.slice(from, end),
        };
        this.#itemsSpent += block.items.length;
        const { error, ...measured } = await measureBlock(block, { ...this.#plan, signal });
        const updated: Trial =
          error === ""
            ? { ...trial, final: joined(trial.final, measured) }
            : { ...trial, search: NOTHING_MEASURED, final: NOTHING_MEASURED, outcome: "failed", error };
        this.#trials[index] = updated;
        yield { kind: "finalist", trial: updated, itemsSpent: this.#itemsSpent };
      }
    }
  }

  async #proposal(signal: AbortSignal): Promise<SettingsProposal> {
    const [winner] = this.#ranked();
    if (winner === undefined) throw new FailedPreconditionError("no trial meets the limits, so nothing is proposed");
    const { baseline } = this.#plan;
    const [confirmed, confirmedBaseline] = [
      await this.#confirmation(winner.configuration, signal),
      baseline ? await this.#confirmation(baseline, signal) : undefined,
    ];
    return proposalOf({
      winner,
      baseline,
      confirmed,
      confirmedBaseline,
      estimate: winner.estimate,
      trials: this.#trials,
      itemsSpent: this.#itemsSpent,
    });
  }

  async #confirmation(configuration: Configuration, signal: AbortSignal): Promise<Measured> {
    const items = this.#plan.items.confirmation;
    if (items.length === 0) return NOTHING_MEASURED;
    const { error, ...measured } = await measureBlock(
      { name: "confirmation", configuration, items },
      { ...this.#plan, signal },
    );
    if (error !== "") throw new FailedPreconditionError(`the proposal could not be confirmed: ${error}`);
    return measured;
  }

  /** Trials that meet the limits, by smoothed quality less a little of its uncertainty. */
  #ranked(): (Trial & { estimate: { mean: number; sd: number } })[] {
    const usable = this.#trials.filter(({ search }) => search.score.length > 0);
    if (usable.length === 0) return [];
    const process = this.#proposer.process(this.#observations());
    return usable
      .filter((trial) => meets(joined(trial.search, trial.final), this.#plan.limits))
      .map((trial) => ({ ...trial, estimate: process.at(trial.point) }))
      .sort((a, b) => b.estimate.mean - a.estimate.mean - CAUTION * (b.estimate.sd - a.estimate.sd));
  }

  /** The best of those asked all their items, to race against. */
  #bestSearched(): Trial | undefined {
    return this.#ranked().find(({ outcome }) => outcome === "finished");
  }

  #observations(): Observation[] {
    const measured = this.#trials.filter(({ outcome }) => outcome !== "failed");
    const worst = Math.min(1, ...measured.map(({ search }) => mean(search.score)));
    return this.#trials.map(({ point, outcome, search, final }) => {
      if (outcome === "failed") return { point, score: worst - FAILURE.below, noise: FAILURE.noise };
      const all = [...search.score, ...final.score];
      return { point, score: mean(all), noise: noiseOf(all) };
    });
  }

  /** As many trials as may still start, whole ones within the budget of the search. */
  #batchSize(): number {
    const { budgetItems, finalShare, concurrency, itemsPerTrial, trials } = this.#plan;
    const itemsLeft = budgetItems * (1 - finalShare) - this.#itemsSpent;
    return Math.min(concurrency, trials - this.#trials.length, Math.floor(itemsLeft / itemsPerTrial));
  }

  #stopIfBroken(): void {
    const latest = this.#trials.slice(-MAX_FAILED_IN_ROW);
    if (latest.length < MAX_FAILED_IN_ROW || latest.some(({ outcome }) => outcome !== "failed")) return;
    throw new FailedPreconditionError(
      `${MAX_FAILED_IN_ROW} trials in a row failed, the last with: ${latest.at(-1)?.error}`,
    );
  }
}
