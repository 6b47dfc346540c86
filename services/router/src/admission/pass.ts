// One request inside the router, from its headers to its end: what it holds is given back exactly once.
import { assert, CancelledError, type Clock, DeadlineExceededError, Deferred } from "@chimera/kernel";
import type { Refusals } from "./refusals.ts";
import type { Tenant } from "./tenant.ts";
import { type RequestClass, Turn } from "./turn.ts";
import type { WaitingRoom } from "./waiting-room.ts";

export interface TurnRequest {
  /** One that is served: queues are kept for each. */
  model: string;
  requestClass: RequestClass;
  /** What it may cost at most: tokens of the prompt and tokens asked for. */
  costTokens: number;
  /** On the clock's monotonic time. */
  deadlineAtMs: number | undefined;
  /** Aborted when the caller has left. */
  signal: AbortSignal;
}

export interface Served<T> {
  value: T;
  /** From the call of turn(). */
  queueMs: number;
}

export interface Pass {
  /**
   * Waits for this request's turn. `take` reserves room and returns it, or undefined where there is none now; it is called at once
   * where nothing waits ahead, and by poke() later. It must not ask for another turn itself. What it returned is the caller's to
   * give back, also where the signal was aborted since.
   *
   * May be called again for room at another replica: such a request is the first of its tenant, holds nobody up that the room it
   * does not want would do for, and is charged its tokens once.
   *
   * Throws OverloadedError, QuotaExceededError, CancelledError, DeadlineExceededError, or what `take` throws.
   */
  turn<T>(request: TurnRequest, take: () => T | undefined): Promise<Served<T>>;
  /**
   * What the request really cost, known at its end, also where it failed or its caller left: 0 where nothing was made. Without it
   * the estimate stands for a request that was served, and nothing is charged for one that was not. Only the first call counts.
   */
  settle(realTokens: number): void;
  /** Gives everything back; a turn that is waited for is cancelled. Later calls do nothing. */
  leave(): void;
}

export interface PassOptions {
  tenant: Tenant;
  room: WaitingRoom;
  refusals: Refusals;
  clock: Clock;
  /** `heldMs`: from the gate on. */
  onLeave(heldMs: number): void;
}

export class AdmittedPass implements Pass {
  readonly #options: PassOptions;
  readonly #enteredAtMs: number;
  /** What its tenant's bucket gave; undefined before it was asked. */
  #takenTokens: number | undefined;
  #turn: Turn | undefined;
  #isWaiting = false;
  #isSettled = false;
  #hasLeft = false;

  constructor(options: PassOptions) {
    this.#options = options;
    this.#enteredAtMs = options.clock.monotonicMs();
  }

  async turn<T>(request: TurnRequest, take: () => T | undefined): Promise<Served<T>> {
    const { costTokens, deadlineAtMs, signal } = request;
    assert(!this.#isWaiting && !this.#hasLeft, "a pass is good for one turn at a time, until it is left");
    assert(Number.isFinite(costTokens) && costTokens >= 0, `costTokens must be zero or more, got ${costTokens}`);
    if (signal.aborted) throw new CancelledError("the caller left before its request had a turn");
    const nowMs = this.#options.clock.monotonicMs();
    if (deadlineAtMs !== undefined && deadlineAtMs <= nowMs) {
      throw new DeadlineExceededError("the deadline had passed before the request had a turn");
    }
    this.#charge(costTokens);
    const isAgain = this.#turn?.isServed ?? false;
    this.#endTurn(0);
    const served = new Deferred<Served<T>>();
    this.#turn = this.#turnOf({ ...request, isAgain }, take, served);
    this.#isWaiting = true;
    this.#options.room.enter(this.#turn, deadlineAtMs);
    try {
      return await served.promise;
    } finally {
      this.#isWaiting = false;
    }
  }

  settle(realTokens: number): void {
    if (this.#isSettled || this.#hasLeft) return;
    this.#isSettled = true;
    this.#options.tenant.correctTokens(this.#takenTokens ?? 0, realTokens);
    if (this.#turn) this.#options.room.settle(this.#turn, realTokens);
  }

  leave(): void {
    if (this.#hasLeft) return;
    const { tenant, clock, onLeave } = this.#options;
    this.#turn?.refuse(new CancelledError("the request ended while it was waiting for its turn"));
    if (!this.#turn?.isServed) this.settle(0);
    this.#hasLeft = true;
    this.#endTurn(undefined);
    tenant.leave();
    onLeave(clock.monotonicMs() - this.#enteredAtMs);
  }

  #turnOf<T>(
    request: TurnRequest & { isAgain: boolean },
    take: () => T | undefined,
    served: Deferred<Served<T>>,
  ): Turn {
    const { tenant, clock } = this.#options;
    const enteredAtMs = clock.monotonicMs();
    return new Turn({
      tenant,
      model: request.model,
      requestClass: request.requestClass,
      // What costs nothing would never wait for anybody.
      cost: Math.max(1, request.costTokens),
      enteredAtMs,
      isAgain: request.isAgain,
      signal: request.signal,
      take: () => {
        const value = take();
        if (value === undefined) return false;
        served.resolve({ value, queueMs: clock.monotonicMs() - enteredAtMs });
        return true;
      },
      refuse: served.reject,
    });
  }

  #charge(tokens: number): void {
    if (this.#takenTokens !== undefined) return;
    const { tenant, refusals } = this.#options;
    const inMs = tenant.tokenWaitMs(tokens);
    if (inMs > 0) {
      const message = `tenant ${tenant.name} has used its ${tenant.limits.tokensPerS} tokens a second`;
      throw refusals.quotaExceeded({ tenant: tenant.name, quota: "tokensPerS", message, inMs });
    }
    this.#takenTokens = tenant.takeTokens(tokens);
  }

  /** `realCost`: undefined where it was settled, or is to stand as estimated. */
  #endTurn(realCost: number | undefined): void {
    if (!this.#turn) return;
    if (realCost !== undefined) this.#options.room.settle(this.#turn, realCost);
    this.#options.room.leave(this.#turn);
    this.#turn = undefined;
  }
}
