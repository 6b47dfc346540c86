// One request on its way to a replica: it asks for room, may wait for it, and is served or refused, exactly once.
import { CancelledError } from "@chimera/kernel";
import type { FairItem } from "./fair-queue.ts";
import type { Tenant } from "./tenant.ts";

/** Interactive: somebody waits for the first token. Batch: served with what interactive requests leave over. */
export type RequestClass = "interactive" | "batch";

export interface TurnOptions {
  tenant: Tenant;
  model: string;
  requestClass: RequestClass;
  cost: number;
  enteredAtMs: number;
  /** It had a turn before, and the replica that had room did not take it. */
  isAgain: boolean;
  /** Aborted when the caller has left. */
  signal: AbortSignal;
  /** Takes room and gives it to the caller; false where there is none. */
  take(): boolean;
  /** Tells the caller that there will be none. */
  refuse(error: unknown): void;
}

export interface Wait {
  ms: number;
  /** Why it was no use to wait longer. */
  timedOut(): Error;
  /** Called once, when it does not wait any more: it was served, or refused. */
  ended(): void;
}

export class Turn implements FairItem {
  readonly tenant: Tenant;
  readonly model: string;
  readonly requestClass: RequestClass;
  readonly cost: number;
  readonly enteredAtMs: number;
  readonly isAgain: boolean;
  readonly #options: TurnOptions;
  #state: "open" | "served" | "refused" = "open";
  #isOffered = false;
  #endWait: (() => void) | undefined;

  constructor(options: TurnOptions) {
    this.#options = options;
    this.tenant = options.tenant;
    this.model = options.model;
    this.requestClass = options.requestClass;
    this.cost = options.cost;
    this.enteredAtMs = options.enteredAtMs;
    this.isAgain = options.isAgain;
  }

  get flow(): string {
    return this.tenant.name;
  }

  get weight(): number {
    return this.tenant.limits.weight;
  }

  get isServed(): boolean {
    return this.#state === "served";
  }

  /** Asks for room. False where there is none yet; true once it is served or refused. */
  offer(): boolean {
    this.#isOffered = true;
    try {
      if (this.#options.take()) {
        this.#close("served");
        return true;
      }
    } catch (error) {
      this.refuse(error);
      return true;
    } finally {
      this.#isOffered = false;
    }
    if (this.#options.signal.aborted) this.#left();
    return this.#state !== "open";
  }

  /** Does nothing once it is served or refused. */
  refuse(error: unknown): void {
    if (this.#state !== "open") return;
    this.#close("refused");
    this.#options.refuse(error);
  }

  /** From now on its time can run out, and its caller can leave. */
  wait({ ms, timedOut, ended }: Wait): void {
    const { signal } = this.#options;
    const timer = setTimeout(() => this.refuse(timedOut()), Math.ceil(ms));
    timer.unref();
    // Room that is being taken for it goes to the caller, who gives it back.
    const onAbort = () => void (this.#isOffered || this.#left());
    signal.addEventListener("abort", onAbort, { once: true });
    this.#endWait = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      ended();
    };
  }

  #left(): void {
    const { reason } = this.#options.signal;
    this.refuse(new CancelledError("the caller left while its request was waiting", { cause: reason }));
  }

  #close(state: "served" | "refused"): void {
    this.#state = state;
    this.#endWait?.();
    this.#endWait = undefined;
  }
}
