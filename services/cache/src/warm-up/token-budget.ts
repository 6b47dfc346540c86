// Tokens a run may spend: estimated before an answer is begun, counted while it is made.

export class TokenBudget {
  readonly limit: number;
  #spent = 0;
  /** Estimates of the answers that are being made. */
  #reserved = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get spent(): number {
    return this.#spent;
  }

  /** Counted and over the limit: what is being made is to stop. */
  get isOverdrawn(): boolean {
    return this.#spent > this.limit;
  }

  /** Undefined where an answer of that size does not fit any more. */
  begin(estimate: number): Spending | undefined {
    if (this.#spent + this.#reserved + estimate > this.limit) return undefined;
    this.#reserved += estimate;
    let counted = 0;
    const count = (tokens: number) => {
      const more = Math.max(0, tokens - counted);
      counted += more;
      this.#spent += more;
      this.#reserved += Math.max(0, estimate - counted) - Math.max(0, estimate - (counted - more));
    };
    return {
      reached: count,
      end: () => {
        this.#reserved -= Math.max(0, estimate - counted);
      },
    };
  }
}

export interface Spending {
  /** Tokens of this answer so far; never fewer than before. */
  reached(tokens: number): void;
  /** What was reserved and not used is free again. To be called once. */
  end(): void;
}
