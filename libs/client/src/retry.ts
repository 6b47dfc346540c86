// When a call that failed before its first delta is tried again: few attempts, full jitter, the server's own wish, and a
// budget, so that clients do not make an overload worse.
import type { Random } from "@chimera/kernel";
import { type ChimeraClientError, misuse } from "./error.ts";

export interface RetryOptions {
  /** Tries of one call, the first among them. 1 to 5; 3 where left out. */
  maxAttempts?: number;
  /** Upper end of the first wait; it doubles each time. 100 ms where left out. */
  initialBackoffMs?: number;
  /** No wait of our own is longer. 2 s where left out. */
  maxBackoffMs?: number;
  /** Where the server asks for a longer wait than this the call fails at once. 30 s where left out. */
  maxServerDelayMs?: number;
  /** Also wait where a quota is used up and the server says until when. */
  resourceExhausted?: boolean;
  /** Tries again only while more than half of the tokens are left: a failure takes one, a success gives `tokenRatio`. */
  budget?: { maxTokens?: number; tokenRatio?: number };
}

export type RetrySettings = Required<Omit<RetryOptions, "budget">> & {
  budget: { maxTokens: number; tokenRatio: number };
};

const MOST_ATTEMPTS = 5;

export function toRetrySettings(options: RetryOptions | false = {}): RetrySettings {
  const { budget, ...given } = options === false ? { maxAttempts: 1 } : options;
  const settings: RetrySettings = {
    maxAttempts: given.maxAttempts ?? 3,
    initialBackoffMs: given.initialBackoffMs ?? 100,
    maxBackoffMs: given.maxBackoffMs ?? 2000,
    maxServerDelayMs: given.maxServerDelayMs ?? 30_000,
    resourceExhausted: given.resourceExhausted ?? false,
    budget: { maxTokens: budget?.maxTokens ?? 10, tokenRatio: budget?.tokenRatio ?? 0.1 },
  };
  check(settings);
  return settings;
}

function check({ maxAttempts, initialBackoffMs, maxBackoffMs, maxServerDelayMs, budget }: RetrySettings): void {
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1 || maxAttempts > MOST_ATTEMPTS) {
    throw misuse("retry.maxAttempts", `${maxAttempts} is no whole number from 1 to ${MOST_ATTEMPTS}`);
  }
  const numbers = {
    ...{ initialBackoffMs, maxBackoffMs, maxServerDelayMs },
    ...{ "budget.maxTokens": budget.maxTokens, "budget.tokenRatio": budget.tokenRatio },
  };
  for (const [field, value] of Object.entries(numbers)) {
    if (!Number.isFinite(value) || value < 0) throw misuse(`retry.${field}`, `${value} is no number from 0`);
  }
}

/** A failed attempt, as the policy sees it. */
export interface Failure {
  error: ChimeraClientError;
  /** The server asked not to be called again. */
  isFinal: boolean;
}

/** Of one client; all its calls share the budget. */
export class RetryPolicy {
  readonly #settings: RetrySettings;
  readonly #random: Random;
  #tokens: number;

  constructor(settings: RetrySettings, random: Random) {
    this.#settings = settings;
    this.#random = random;
    this.#tokens = settings.budget.maxTokens;
  }

  succeeded(): void {
    const { maxTokens, tokenRatio } = this.#settings.budget;
    this.#tokens = Math.min(maxTokens, this.#tokens + tokenRatio);
  }

  /** How long to wait before the next attempt; undefined where there must be none. `attempt`: 1 for the first. */
  delayMs({ error, isFinal }: Failure, attempt: number): number | undefined {
    const { maxAttempts, maxServerDelayMs, budget } = this.#settings;
    if (!this.#mayRetry(error)) return undefined;
    this.#tokens = Math.max(0, this.#tokens - 1);
    const serverDelayMs = error.retryAfterMs ?? 0;
    if (isFinal || attempt >= maxAttempts || serverDelayMs > maxServerDelayMs) return undefined;
    if (this.#tokens <= budget.maxTokens / 2) return undefined;
    // All who were refused together were told the same time; the jitter keeps them from coming back together.
    return serverDelayMs + this.#random() * this.#backoffMs(attempt);
  }

  #backoffMs(attempt: number): number {
    const { initialBackoffMs, maxBackoffMs } = this.#settings;
    return Math.min(maxBackoffMs, initialBackoffMs * 2 ** (attempt - 1));
  }

  #mayRetry({ code, retryAfterMs }: ChimeraClientError): boolean {
    if (code === "UNAVAILABLE") return true;
    return code === "RESOURCE_EXHAUSTED" && this.#settings.resourceExhausted && retryAfterMs !== undefined;
  }
}
