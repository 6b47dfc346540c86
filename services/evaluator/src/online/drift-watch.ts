// Whether live traffic is still like the traffic at the start: its prompts, its models, its times, its answers, and how many of these are
// right. Samples do not overlap, and all tests of one sample share one level, so the rate of false alarms is what the rules say.
import { quantile, type Random } from "@chimera/kernel";
import { kolmogorovSmirnov, PageHinkley, pageHinkleyThreshold, populationStabilityTest } from "@chimera/statistics";
import { inputDriftSign, type Sign, type SignState } from "../guard/index.ts";

/** Requests, and scored answers, of one sample; the first of each is what later ones are held against. */
const REQUESTS = 500;
const SCORES = 200;
/** Chance of a false alarm per sample of requests, over its three tests, and per sample of scores. */
const ALPHA = 0.01;
const REQUEST_TESTS = 3;
const RESAMPLES = 1000;
const PROMPT_BINS = 10;
/** Models, and labels, told apart; further ones count together. */
const MAX_NAMES = 64;
/** Scored answers between two false alarms about correctness, on average. */
const RUN_LENGTH = 10_000;

export interface SeenRequest {
  promptTokens: number;
  model: string;
  /** Undefined where no text was sent. */
  ttftMs: number | undefined;
}

export interface SeenScore {
  predicted: string;
  correct: boolean;
}

interface Outcome {
  value: number;
  pValue: number;
  n: number;
}

export class DriftWatch {
  readonly #random: Random;
  /** A sample at most, each. */
  #requests: SeenRequest[] = [];
  #scores: SeenScore[] = [];
  #firstRequests: readonly SeenRequest[] | undefined;
  #firstScores: readonly SeenScore[] | undefined;
  readonly #latest = new Map<"prompt" | "model" | "ttft" | "label", Outcome>();
  #errors: PageHinkley | undefined;
  #watched = 0;
  #alarmedAt: number | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  request(request: SeenRequest): void {
    this.#requests.push(request);
    if (this.#requests.length < REQUESTS) return;
    if (this.#firstRequests === undefined) this.#firstRequests = this.#requests;
    else this.#testRequests(this.#firstRequests, this.#requests);
    this.#requests = [];
  }

  score(score: SeenScore): void {
    this.#watchErrors(score);
    this.#scores.push(score);
    if (this.#scores.length < SCORES) return;
    if (this.#firstScores === undefined) this.#learn(this.#scores);
    else
      this.#latest.set(
        "label",
        this.#mixes(this.#firstScores, this.#scores, ({ predicted }) => predicted),
      );
    this.#scores = [];
  }

  signs(): Sign[] {
    const perTest = ALPHA / REQUEST_TESTS;
    return [
      this.#sign("prompt length", "prompt", {
        alpha: perTest,
        of: "requests",
        statistic: "stability index over deciles",
      }),
      this.#sign("models", "model", { alpha: perTest, of: "requests", statistic: "stability index" }),
      this.#sign("time to first token", "ttft", {
        alpha: perTest,
        of: "requests",
        statistic: "largest gap of distributions",
      }),
      this.#sign("labels given", "label", { alpha: ALPHA, of: "scored answers", statistic: "stability index" }),
      this.#errorSign(),
    ];
  }

  /** For the guard: the prompts, which no setting of ours changes. */
  inputDrift(): Sign {
    return inputDriftSign(this.#latest.get("prompt") ?? { value: Number.NaN, pValue: 1, n: 0 });
  }

  #testRequests(first: readonly SeenRequest[], now: readonly SeenRequest[]): void {
    const lengths = Float64Array.from(first, ({ promptTokens }) => promptTokens).sort();
    const edges = Array.from({ length: PROMPT_BINS - 1 }, (_, i) => quantile(lengths, (i + 1) / PROMPT_BINS));
    const bin = ({ promptTokens }: SeenRequest) => String(edges.filter((edge) => promptTokens > edge).length);
    this.#latest.set("prompt", this.#mixes(first, now, bin));
    this.#latest.set(
      "model",
      this.#mixes(first, now, ({ model }) => model),
    );
    const [before, after] = [first, now].map((all) => all.flatMap(({ ttftMs }) => ttftMs ?? []));
    if (!before?.length || !after?.length) return;
    const { d, pValue } = kolmogorovSmirnov(before, after);
    this.#latest.set("ttft", { value: d, pValue, n: after.length });
  }

  #mixes<T>(first: readonly T[], now: readonly T[], nameOf: (each: T) => string): Outcome {
    const names = [...new Set([...first, ...now].map(nameOf))].slice(0, MAX_NAMES);
    const counts = (all: readonly T[]) => {
      const byName = new Map(names.map((name) => [name, 0]));
      let others = 0;
      for (const each of all) {
        const count = byName.get(nameOf(each));
        if (count === undefined) others += 1;
        else byName.set(nameOf(each), count + 1);
      }
      return [...byName.values(), others];
    };
    const samples = { reference: counts(first), current: counts(now) };
    const { psi, pValue } = populationStabilityTest(samples, { resamples: RESAMPLES, random: this.#random });
    return { value: psi, pValue, n: now.length };
  }

  #learn(scores: readonly SeenScore[]): void {
    this.#firstScores = scores;
    const errors = scores.map(errorOf);
    // As if one had been wrong and one right: after a perfect start the first error would be an alarm.
    const threshold = pageHinkleyThreshold([...errors, 0, 1], { runLength: RUN_LENGTH, random: this.#random });
    this.#errors = new PageHinkley({ threshold: Math.max(threshold, 1) });
    for (const error of errors) this.#errors.add(error);
  }

  #watchErrors(score: SeenScore): void {
    if (this.#errors === undefined) return;
    this.#watched += 1;
    if (this.#errors.add(errorOf(score))) this.#alarmedAt = this.#watched;
    else if (this.#alarmedAt !== undefined && this.#watched - this.#alarmedAt >= SCORES) this.#alarmedAt = undefined;
  }

  #sign(
    name: string,
    key: "prompt" | "model" | "ttft" | "label",
    { alpha, of, statistic }: { alpha: number; of: string; statistic: string },
  ): Sign {
    const { value, pValue, n } = this.#latest.get(key) ?? { value: Number.NaN, pValue: 1, n: 0 };
    const size = of === "requests" ? REQUESTS : SCORES;
    return {
      name: `drift of ${name}`,
      ...{ value, n, state: stateOf(n, { isAlarm: pValue <= alpha }) },
      rule: `${statistic}, the latest ${size} ${of} against the first ${size}: alarm at p <= ${alpha.toPrecision(2)}, so in at most ${100 * ALPHA} % of samples without drift`,
      mitigation: "look at what callers ask now; bring live items into the data sets and tune again",
    };
  }

  #errorSign(): Sign {
    return {
      name: "rise of errors",
      value: this.#watched === 0 ? Number.NaN : Number(this.#alarmedAt !== undefined),
      n: this.#watched,
      state: stateOf(this.#watched, { isAlarm: this.#alarmedAt !== undefined }),
      rule: `Page-Hinkley on wrong answers, about one false alarm in ${RUN_LENGTH} scored answers; stands for ${SCORES} answers`,
      mitigation: "compare with the configuration before, and roll back where it is better",
    };
  }
}

function stateOf(n: number, { isAlarm }: { isAlarm: boolean }): SignState {
  if (n === 0) return "unknown";
  return isAlarm ? "alarm" : "ok";
}

function errorOf({ correct }: SeenScore): number {
  return correct ? 0 : 1;
}
