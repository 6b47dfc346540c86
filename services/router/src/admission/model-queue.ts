// Who is next for the replicas of one model. There is a queue for each model because no replica serves two: the ones of one
// model never wait for room at another's, and fairness and drain rate mean something where the room is shared.
//
// Interactive requests come first, each class fair among its tenants. While both classes wait, every interactive token served earns
// batch its weight in credit, and a batch request that is paid for is next (the deficit counter of Shreedhar, Varghese, "Efficient
// Fair Queuing Using Deficit Round Robin", SIGCOMM 1995): batch is never starved, and gets no more than that share, however many
// tenants send it.
import type { Clock } from "@chimera/kernel";
import { DrainRate } from "./drain-rate.ts";
import { FairQueue } from "./fair-queue.ts";
import type { RequestClass, Turn } from "./turn.ts";

export interface ModelQueueOptions {
  clock: Clock;
  batchWeight(): number;
}

export class ModelQueue {
  readonly #queues: Record<RequestClass, FairQueue<Turn>> = { interactive: new FairQueue(), batch: new FairQueue() };
  readonly #drain: DrainRate;
  readonly #batchWeight: () => number;
  #batchCredit = 0;
  /** Requests that got room and have not given it back. */
  #inService = 0;
  #isServing = false;

  constructor({ clock, batchWeight }: ModelQueueOptions) {
    this.#drain = new DrainRate(clock);
    this.#batchWeight = batchWeight;
  }

  get size(): number {
    return this.#queues.interactive.size + this.#queues.batch.size;
  }

  get cost(): number {
    return this.#queues.interactive.cost + this.#queues.batch.cost;
  }

  get isBusy(): boolean {
    return this.size > 0 || this.#inService > 0;
  }

  /** Cost that leaves while something waits; undefined where it is not known yet. */
  get drainPerS(): number | undefined {
    return this.#drain.perS;
  }

  sizeOf(requestClass: RequestClass): number {
    return this.#queues[requestClass].size;
  }

  /** Last of a tenant to come. */
  newest(requestClass: RequestClass, tenant: string): Turn | undefined {
    return this.#queues[requestClass].newest(tenant);
  }

  /** Whether it would be the next, were it pushed now. */
  isNext({ requestClass, isAgain }: Turn): boolean {
    if (isAgain || this.size === 0) return true;
    if (requestClass === "batch") return false;
    return this.#queues.interactive.size === 0 && !this.#isBatchDue;
  }

  /** How much longer than `patienceMs` a newcomer would wait; 0 also where nothing was measured yet. */
  excessMs(turn: Turn, patienceMs: number): number {
    const perS = this.drainPerS;
    // Nearly always: all there is would be through by then, so it need not be found out what is ahead.
    if (perS === undefined || this.cost <= (perS * patienceMs) / 1000) return 0;
    const ahead = this.#costAhead(turn);
    return ahead === 0 ? 0 : Math.max(0, (ahead / perS) * 1000 - patienceMs);
  }

  /** How long until one of those that wait is served; undefined where nothing was measured yet. */
  placeMs(): number | undefined {
    const perS = this.drainPerS;
    return perS === undefined || this.size === 0 ? undefined : (this.cost / this.size / perS) * 1000;
  }

  push(turn: Turn): void {
    if (this.size === 0) this.#drain.waits(true);
    this.#queues[turn.requestClass].push(turn, { asFirst: turn.isAgain });
  }

  /** Takes one out that is served or refused. */
  takeOut(turn: Turn): void {
    if (turn.isServed) {
      this.#count(turn);
      this.#queues[turn.requestClass].serve(turn);
    } else {
      this.#queues[turn.requestClass].remove(turn);
    }
    if (this.#queues.batch.size === 0) this.#batchCredit = 0;
    if (this.size === 0) this.#drain.waits(false);
  }

  /** Counts one that was served without having waited. */
  serveAtOnce(turn: Turn): void {
    this.#count(turn);
    this.#queues[turn.requestClass].serveAtOnce(turn);
  }

  /** Room to give out, maybe: offers it in fair order until there is none. */
  serve(): void {
    // Taking room may tell of room.
    if (this.#isServing) return;
    this.#isServing = true;
    try {
      while (this.#offerNext());
    } finally {
      this.#isServing = false;
    }
  }

  /** Of one that was served: its real cost is known. */
  correct(turn: Turn, extraCost: number): void {
    this.#queues[turn.requestClass].correct(turn, extraCost);
  }

  /** One that was served gives its room back. */
  leave(): void {
    this.#inService -= 1;
    if (this.isBusy) return;
    for (const queue of Object.values(this.#queues)) queue.restart();
  }

  get #isBatchDue(): boolean {
    const batch = this.#queues.batch.peek();
    return batch !== undefined && batch.cost <= this.#batchCredit;
  }

  #offerNext(): boolean {
    const { interactive, batch } = this.#queues;
    // Room may be kept from batch that interactive requests can have.
    if (this.#isBatchDue && isOffered(batch)) return true;
    return isOffered(interactive.size > 0 ? interactive : batch);
  }

  #count({ requestClass, cost, isAgain }: Turn): void {
    this.#inService += 1;
    // Counted at its first turn; the room it had then was not used.
    if (isAgain) return;
    this.#drain.served(cost);
    if (requestClass === "batch") this.#batchCredit = Math.max(0, this.#batchCredit - cost);
    // What is due earns no more, so credit stays below the cost of two requests.
    else if (this.#queues.batch.size > 0 && !this.#isBatchDue) this.#batchCredit += cost * this.#batchWeight();
  }

  #costAhead(turn: Turn): number {
    const { interactive, batch } = this.#queues;
    const ahead = this.#queues[turn.requestClass].costAhead(turn);
    if (turn.requestClass === "interactive") {
      return ahead + Math.min(batch.cost, this.#batchCredit + ahead * this.#batchWeight());
    }
    const unpaid = Math.max(0, ahead + turn.cost - this.#batchCredit);
    return ahead + Math.min(interactive.cost, unpaid / this.#batchWeight());
  }
}

/**
 * Where there is no room for the next one, those behind it are not asked: nobody is passed by who is easier to place, and a poke
 * costs one question. Only one that asks again, which may not want the replica that has room, does not hold up the rest.
 */
function isOffered(queue: FairQueue<Turn>): boolean {
  for (const turn of queue.inOrder()) {
    if (turn.offer()) return true;
    if (!turn.isAgain) return false;
  }
  return false;
}
