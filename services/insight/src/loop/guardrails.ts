// Bounds that end a trial at once. They may be looked at after every request: confidence sequences hold at any look.
import { quantile } from "@chimera/kernel";
import { ConfidenceSequence } from "@chimera/statistics";
import type { Guardrail } from "../remedy/remedy.ts";
import type { RequestSample } from "../window/request-ring.ts";

export interface Tripped {
  readonly guardrail: string;
  readonly reason: string;
}

/** Chance that one of them ever trips where nothing is wrong. */
const ALPHA = 0.05;
/** No word before so many requests. */
const MIN_N = 40;
const TUNED_TO_N = 200;
/** A share may always be this high: a relative rise of nothing is nothing. */
const LEAST_SHARE = 0.01;
/** Answers may become this much longer before the cost is one that nobody agreed to. */
const MOST_TOKENS = 0.5;

interface Rail {
  readonly name: string;
  readonly bound: number;
  readonly sequence: ConfidenceSequence;
  /** Undefined where the request says nothing about it. */
  value(sample: RequestSample): number | undefined;
}

export class Guardrails {
  readonly #rails: readonly Rail[];
  #exposed = 0;
  #tripped: Tripped | undefined;

  /** `before`: requests of the window that the prediction was made from. */
  constructor(guardrails: readonly Guardrail[], before: readonly RequestSample[]) {
    const kinds = guardrails.flatMap(({ figure, most }) => {
      const rail = railOf(figure, most, before);
      return rail === undefined ? [] : [rail];
    });
    const tokens = meanOf(before, tokensOf);
    if (tokens !== undefined) {
      kinds.push({ name: "completion tokens a request", bound: tokens * (1 + MOST_TOKENS), value: tokensOf });
    }
    const alpha = ALPHA / Math.max(1, kinds.length);
    this.#rails = kinds.map((kind) => ({
      ...kind,
      sequence: new ConfidenceSequence({ alpha, minN: MIN_N, tunedToN: TUNED_TO_N }),
    }));
  }

  /** Requests that met the change. */
  get exposed(): number {
    return this.#exposed;
  }

  get tripped(): Tripped | undefined {
    return this.#tripped;
  }

  /** A request that met the change. */
  add(sample: RequestSample): void {
    if (this.#tripped !== undefined) return;
    this.#exposed += 1;
    for (const { name, bound, sequence, value } of this.#rails) {
      const seen = value(sample);
      if (seen === undefined) continue;
      sequence.add(seen);
      const { low, level } = sequence.interval();
      if (low <= bound) continue;
      const reason = `${sequence.mean.toFixed(3)} over ${sequence.n} requests, at least ${low.toFixed(3)} (${(100 * level).toFixed(1)} % at any look), ${bound.toFixed(3)} is borne`;
      this.#tripped = { guardrail: name, reason };
      return;
    }
  }
}

type Kind = Pick<Rail, "name" | "bound" | "value">;

function railOf(figure: Guardrail["figure"], most: number, before: readonly RequestSample[]): Kind | undefined {
  switch (figure) {
    case "error_share":
      return shareRail("share of requests that failed", { most, before, value: failed });
    case "refused_share":
      return shareRail("share of requests that were refused", { most, before, value: refused });
    case "ttft_p95_ms": {
      const times = before.flatMap(({ ttftMs }) => ttftMs ?? []).sort((a, b) => a - b);
      if (times.length < MIN_N) return undefined;
      const slowMs = quantile(Float64Array.from(times), 0.95) * (1 + most);
      // The 95th percentile lies above it exactly where more than 5 % do.
      return {
        name: `share of requests with a TTFT above ${slowMs.toFixed(0)} ms`,
        bound: 0.05,
        value: ({ ttftMs }) => (ttftMs === undefined ? undefined : ttftMs > slowMs ? 1 : 0),
      };
    }
    default:
      // Scores come by answer and not by request.
      return undefined;
  }
}

function shareRail(
  name: string,
  { most, before, value }: { most: number; before: readonly RequestSample[]; value: (sample: RequestSample) => number },
): Kind {
  const share = meanOf(before, value) ?? 0;
  return { name, bound: Math.max(LEAST_SHARE, share * (1 + most)), value };
}

function meanOf(
  samples: readonly RequestSample[],
  value: (sample: RequestSample) => number | undefined,
): number | undefined {
  const values = samples.flatMap((sample) => value(sample) ?? []);
  return values.length === 0 ? undefined : values.reduce((sum, each) => sum + each, 0) / values.length;
}

function failed({ status, refused: isRefused }: RequestSample): number {
  return status === "OK" || status === "CANCELLED" || isRefused ? 0 : 1;
}

function refused(sample: RequestSample): number {
  return sample.refused ? 1 : 0;
}

function tokensOf({ status, completionTokens }: RequestSample): number | undefined {
  return status === "OK" ? completionTokens : undefined;
}
