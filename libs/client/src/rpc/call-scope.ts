// The life of one call: it ends by itself, by its caller's signal, by its deadline, or with the client. Leaving a Connect
// stream does not cancel its server, so every call of this package runs on the signal of a scope and the scope aborts it.
import type { Clock } from "@chimera/kernel";
import { ChimeraClientError, cancelled } from "../error.ts";
import { type CallOptions, checkDeadline } from "../options.ts";

export class CallScope {
  readonly #controller = new AbortController();
  readonly #options: ScopeOptions;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #endsAtMs: number;
  readonly #onAbort: () => void;

  constructor(options: ScopeOptions) {
    this.#options = options;
    const { signal: outer, deadlineMs, clock, live } = options;
    checkDeadline(deadlineMs);
    this.#endsAtMs = deadlineMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonicMs() + deadlineMs;
    if (deadlineMs !== undefined) {
      const error = new ChimeraClientError("DEADLINE_EXCEEDED", `no end within ${deadlineMs} ms`);
      this.#timer = setTimeout(() => this.abort(error), deadlineMs);
    }
    this.#onAbort = () => this.abort(reasonOf(outer));
    outer?.addEventListener("abort", this.#onAbort, { once: true });
    live.add(this);
    if (outer?.aborted) this.#onAbort();
  }

  /** Its reason is always a ChimeraClientError. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Undefined where there is no deadline. */
  get remainingMs(): number | undefined {
    if (this.#endsAtMs === Number.POSITIVE_INFINITY) return undefined;
    // Connect takes 0 for no deadline at all.
    return Math.max(1, Math.ceil(this.#endsAtMs - this.#options.clock.monotonicMs()));
  }

  throwIfAborted(): void {
    this.signal.throwIfAborted();
  }

  abort(error: ChimeraClientError): void {
    this.close();
    this.#controller.abort(error);
  }

  /** The call has ended: nothing aborts it any more from outside. */
  close(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#options.live.delete(this);
  }
}

export interface ScopeOptions extends CallOptions {
  clock: Clock;
  /** The calls of a client that have not ended. */
  live: Set<CallScope>;
}

function reasonOf(signal: AbortSignal | undefined): ChimeraClientError {
  const reason: unknown = signal?.reason;
  if (reason instanceof ChimeraClientError) return reason;
  if (reason instanceof Error && reason.name === "TimeoutError") {
    return new ChimeraClientError("DEADLINE_EXCEEDED", reason.message, { cause: reason });
  }
  return cancelled("the call was cancelled by its signal", reason);
}
