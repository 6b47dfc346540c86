// Where requests wait for room at a replica: bounded for all together, fair between tenants, and no longer than makes sense.
import { type ChimeraError, type Clock, DeadlineExceededError } from "@chimera/kernel";
import { ForgetfulMap } from "./forgetful-map.ts";
import { ModelQueue } from "./model-queue.ts";
import type { Refusals } from "./refusals.ts";
import type { Tenant } from "./tenant.ts";
import type { AdmissionLimits } from "./tenant-limits.ts";
import type { RequestClass, Turn } from "./turn.ts";

/** Models that are quiet whose drain rate is remembered. */
const MAX_QUIET_MODELS = 256;

/**
 * Who is let in was told that it would be in time. Where the estimate was wrong, it is served a little late rather than refused
 * late, when its caller could have been elsewhere all the while.
 */
const LATE_SHARE = 0.5;
/** Estimates err: who would wait nearly as long as it may is refused as well. */
const PATIENCE_SHARE = 0.9;

export interface WaitingRoomOptions {
  clock: Clock;
  refusals: Refusals;
  limits(): AdmissionLimits;
}

export interface ModelSnapshot {
  model: string;
  interactive: number;
  batch: number;
  queuedTokens: number;
  /** While something waits; undefined where it is not known yet. */
  drainTokensPerS: number | undefined;
}

export class WaitingRoom {
  readonly #clock: Clock;
  readonly #refusals: Refusals;
  readonly #limits: () => AdmissionLimits;
  readonly #queues: ForgetfulMap<ModelQueue>;
  #size = 0;
  /** Those with something in here: at most as many as requests. */
  readonly #tenants = new Set<Tenant>();

  constructor({ clock, refusals, limits }: WaitingRoomOptions) {
    this.#clock = clock;
    this.#refusals = refusals;
    this.#limits = limits;
    this.#queues = new ForgetfulMap({
      make: () => new ModelQueue({ clock, batchWeight: () => limits().batchWeight }),
      isIdle: () => false,
      isBusy: (queue) => queue.isBusy,
      max: MAX_QUIET_MODELS,
    });
  }

  get size(): number {
    return this.#size;
  }

  models(): ModelSnapshot[] {
    return Array.from(this.#queues.entries(), ([model, queue]) => ({
      model,
      interactive: queue.sizeOf("interactive"),
      batch: queue.sizeOf("batch"),
      queuedTokens: queue.cost,
      drainTokensPerS: queue.drainPerS,
    }));
  }

  poke(model: string | undefined): void {
    if (this.#size === 0) return;
    if (model !== undefined) this.#queues.peek(model)?.serve();
    else for (const queue of this.#queues.values()) queue.serve();
  }

  /** Serves it, refuses it, or lets it wait for that. */
  enter(turn: Turn, deadlineAtMs: number | undefined): void {
    const queue = this.#queues.get(turn.model);
    if (queue.isNext(turn) && turn.offer()) {
      if (turn.isServed) queue.serveAtOnce(turn);
      return;
    }
    const remainingMs = (deadlineAtMs ?? Number.POSITIVE_INFINITY) - this.#clock.monotonicMs();
    const refusal = this.#tooLate(queue, turn, remainingMs) ?? this.#noPlace(queue, turn);
    if (refusal) turn.refuse(refusal);
    else this.#wait(queue, turn, remainingMs);
  }

  /** Its real cost is known. */
  settle(turn: Turn, realCost: number): void {
    if (turn.isServed) this.#queues.peek(turn.model)?.correct(turn, realCost - turn.cost);
  }

  /** It does not need its room any more. */
  leave(turn: Turn): void {
    if (turn.isServed) this.#queues.peek(turn.model)?.leave();
  }

  #wait(queue: ModelQueue, turn: Turn, remainingMs: number): void {
    const { maxWaitMs } = this.#limits();
    const longestMs = maxWaitMs * (1 + LATE_SHARE);
    queue.push(turn);
    turn.tenant.queue(turn.cost);
    this.#tenants.add(turn.tenant);
    this.#size += 1;
    turn.wait({
      ms: Math.min(longestMs, remainingMs),
      timedOut: () =>
        remainingMs <= longestMs
          ? new DeadlineExceededError("the deadline passed while the request was waiting for a replica")
          : this.#refusals.overloaded(`no replica had room within ${longestMs} ms`, queue.placeMs()),
      ended: () => {
        queue.takeOut(turn);
        turn.tenant.unqueue(turn.cost);
        if (turn.tenant.queued === 0) this.#tenants.delete(turn.tenant);
        this.#size -= 1;
      },
    });
  }

  #tooLate(queue: ModelQueue, turn: Turn, remainingMs: number): ChimeraError | undefined {
    if (turn.isAgain) return undefined;
    const patienceMs = PATIENCE_SHARE * Math.min(this.#limits().maxWaitMs, remainingMs);
    const excessMs = queue.excessMs(turn, patienceMs);
    if (excessMs === 0) return undefined;
    const wait = Number.isFinite(excessMs) ? `about ${Math.ceil(patienceMs + excessMs)} ms` : "without end";
    const message = `it would wait ${wait} for a replica; it has ${Math.floor(patienceMs)} ms`;
    return this.#refusals.overloaded(message, excessMs);
  }

  /** Where all places are taken, the tenant that holds the most gives one up, or gets none. */
  #noPlace(queue: ModelQueue, turn: Turn): ChimeraError | undefined {
    const { maxQueued } = this.#limits();
    if (this.#size < maxQueued) return undefined;
    const full = this.#refusals.overloaded(`${maxQueued} requests are waiting already`, queue.placeMs());
    const heaviest = this.#heaviestWith(turn);
    const batch = this.#newest("batch", heaviest);
    // One's own requests are pushed out only by what is more urgent.
    if (heaviest === turn.tenant && (batch === undefined || turn.requestClass === "batch")) return full;
    (batch ?? this.#newest("interactive", heaviest))?.refuse(full);
    return undefined;
  }

  /** Counted as if it waited already, so that two tenants do not push each other out in turns. */
  #heaviestWith({ tenant: own, cost }: Turn): Tenant {
    const share = ({ queuedCost, limits }: Tenant, extra: number) => (queuedCost + extra) / limits.weight;
    let heaviest = own;
    let most = share(own, cost);
    for (const tenant of this.#tenants) {
      if (tenant === own || share(tenant, 0) <= most) continue;
      heaviest = tenant;
      most = share(tenant, 0);
    }
    return heaviest;
  }

  #newest(requestClass: RequestClass, tenant: Tenant): Turn | undefined {
    let newest: Turn | undefined;
    for (const queue of this.#queues.values()) {
      const turn = queue.newest(requestClass, tenant.name);
      if (turn && turn.enteredAtMs >= (newest?.enteredAtMs ?? 0)) newest = turn;
    }
    return newest;
  }
}
