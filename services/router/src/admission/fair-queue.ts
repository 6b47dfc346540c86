// A weighted fair queue over flows, by cost. Start-time fair queueing: Goyal, Vin, Cheng, "Start-time Fair Queuing", SIGCOMM 1996;
// with many served at a time, SFQ(D): Jin, Chase, Kaur, "Interposed Proportional Sharing", SIGMETRICS 2004.
//
// Each flow has a tag: the virtual time at which its next request may start. The flow with the lowest tag is next; being served
// moves its tag on by cost / weight, so a flow of twice the weight is served twice the cost. Virtual time is the tag of who was
// served last, and a flow that comes back starts there: to want nothing for a while earns no credit. Of its kin this one is chosen
// because it is fair however fast there is room, because a newcomer waits for one request of each other flow at most, and because a
// cost that was guessed wrong can be set right afterwards by moving the tag.
import { assert } from "@chimera/kernel";
import { ForgetfulMap } from "./forgetful-map.ts";

/** Flows without a request whose tag is remembered. */
const MAX_QUIET_FLOWS = 4096;

export interface FairItem {
  readonly flow: string;
  readonly weight: number;
  readonly cost: number;
}

interface Flow<T> {
  /** First come, first served. Bounded by whoever pushes. */
  waiting: T[];
  /** Of all that wait. */
  cost: number;
  tag: number;
}

export class FairQueue<T extends FairItem> {
  #virtualTime = 0;
  #size = 0;
  #cost = 0;
  /** Flows that have something waiting, the next one first; among those of one tag the one that has been there for longest. */
  #order: Flow<T>[] = [];
  readonly #flows = new ForgetfulMap<Flow<T>>({
    make: () => ({ waiting: [], cost: 0, tag: 0 }),
    isIdle: ({ tag }) => tag <= this.#now,
    isBusy: ({ waiting }) => waiting.length > 0,
    max: MAX_QUIET_FLOWS,
  });

  get size(): number {
    return this.#size;
  }

  /** Of all that wait. */
  get cost(): number {
    return this.#cost;
  }

  /** `asFirst`: before the others of its flow. */
  push(item: T, { asFirst = false } = {}): void {
    const flow = this.#flows.get(item.flow);
    if (flow.waiting.length === 0) {
      flow.tag = Math.max(flow.tag, this.#now);
      this.#enlist(flow);
    }
    if (asFirst) flow.waiting.unshift(item);
    else flow.waiting.push(item);
    flow.cost += item.cost;
    this.#size += 1;
    this.#cost += item.cost;
  }

  /** Who is next. */
  peek(): T | undefined {
    return this.#order[0]?.waiting[0];
  }

  /** Who is next, and who would be if that one were passed over, and so on. Must not be changed meanwhile. */
  *inOrder(): Generator<T, void, undefined> {
    for (const { waiting } of this.#order) yield* waiting;
  }

  /** Last of a flow to come. */
  newest(flow: string): T | undefined {
    return this.#flows.peek(flow)?.waiting.at(-1);
  }

  /** Takes out one that is served now. */
  serve(item: T): void {
    this.#charge(this.#drop(item), item);
  }

  /** Counts one that is served without having waited. */
  serveAtOnce(item: T): void {
    const flow = this.#flows.get(item.flow);
    flow.tag = Math.max(flow.tag, this.#now);
    this.#charge(flow, item);
  }

  /** Takes out one that will not be served. */
  remove(item: T): void {
    this.#drop(item);
  }

  /** Of one that was served: what it cost more, or where negative less, than it said. */
  correct({ flow: name, weight }: T, extraCost: number): void {
    const flow = this.#flows.peek(name);
    if (flow) this.#advance(flow, extraCost / weight);
  }

  /** The cost that would be served before `item`, were it pushed now; right to within one request of each flow. */
  costAhead({ flow: name, weight }: T): number {
    const own = this.#flows.peek(name);
    let ahead = own?.cost ?? 0;
    const start = Math.max(own?.tag ?? 0, this.#now) + ahead / weight;
    for (const flow of this.#order) {
      if (flow.tag >= start) break;
      if (flow !== own) ahead += Math.min(flow.cost, (start - flow.tag) * (flow.waiting[0]?.weight ?? 1));
    }
    return ahead;
  }

  /** Nobody waits and nobody is being served: what was served before does not count any more. */
  restart(): void {
    assert(this.#size === 0, "a queue in which somebody waits can not start anew");
    this.#flows.clear();
    this.#virtualTime = 0;
  }

  /**
   * Virtual time for who comes now. No later than what is next: corrections can leave all that wait behind the last one served, and
   * a newcomer must not wait until they have made up for it.
   */
  get #now(): number {
    return Math.min(this.#virtualTime, this.#order[0]?.tag ?? Number.POSITIVE_INFINITY);
  }

  #charge(flow: Flow<T>, { cost, weight }: T): void {
    this.#virtualTime = Math.max(this.#virtualTime, flow.tag);
    this.#advance(flow, cost / weight);
  }

  #advance(flow: Flow<T>, by: number): void {
    const isListed = flow.waiting.length > 0;
    if (isListed) this.#unlist(flow);
    flow.tag += by;
    if (isListed) this.#enlist(flow);
  }

  #drop(item: T): Flow<T> {
    const flow = this.#flows.peek(item.flow);
    const at = flow?.waiting.indexOf(item) ?? -1;
    assert(flow && at >= 0, "only what waits can be taken out");
    if (flow.waiting.length === 1) this.#unlist(flow);
    flow.waiting.splice(at, 1);
    this.#size -= 1;
    // Sums of fractions drift; an empty one is exactly nothing.
    flow.cost = flow.waiting.length === 0 ? 0 : flow.cost - item.cost;
    this.#cost = this.#size === 0 ? 0 : this.#cost - item.cost;
    return flow;
  }

  #enlist(flow: Flow<T>): void {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#order[middle]?.tag ?? 0) <= flow.tag) low = middle + 1;
      else high = middle;
    }
    this.#order.splice(low, 0, flow);
  }

  #unlist(flow: Flow<T>): void {
    this.#order.splice(this.#order.indexOf(flow), 1);
  }
}
