// Belady's clairvoyant policy, for simulations: evicts what will be asked for latest. It is the ceiling that the others are measured
// against; with unequal sizes the very best is not computable in reasonable time, and this is what is drawn in its place.
import type { PolicyNode } from "../index/entry.ts";
import type { Policy } from "./policy.ts";

/** When the node that is asked for now will be asked for again; Infinity where never. */
export type NextUse = (node: PolicyNode) => number;

interface Plan<N> {
  nextUse: number;
  node: N;
}

export class OptimumPolicy<N extends PolicyNode> implements Policy<N> {
  readonly name = "optimum";
  readonly admitsFirst = true;
  readonly #nextUse: NextUse;
  /**
   * A binary heap, latest use first. A use adds a plan and leaves the old one behind; `visits` of a node is its valid plan. At most
   * twice the resident nodes and 64.
   */
  #heap: Plan<N>[] = [];
  #resident = 0;

  constructor(nextUse: NextUse) {
    this.#nextUse = nextUse;
  }

  added(node: N): void {
    this.#resident += 1;
    node.queue = 1;
    this.#plan(node);
  }

  used(node: N): void {
    this.#plan(node);
  }

  removed(node: N): void {
    this.#resident -= 1;
    node.queue = 0;
  }

  evict(): N | undefined {
    for (let plan = this.#pop(); plan !== undefined; plan = this.#pop()) {
      if (!isValid(plan)) continue;
      this.removed(plan.node);
      return plan.node;
    }
    return undefined;
  }

  #plan(node: N): void {
    if (this.#heap.length >= 2 * this.#resident + 64) this.#compact();
    node.visits = this.#nextUse(node);
    this.#heap.push({ nextUse: node.visits, node });
    this.#siftUp(this.#heap.length - 1);
  }

  #compact(): void {
    const seen = new Set<N>();
    const plans = this.#heap.filter((plan) => isValid(plan) && !seen.has(plan.node) && seen.add(plan.node));
    // A list in falling order is a heap.
    this.#heap = plans.sort((a, b) => compareLatest(a, b));
  }

  #pop(): Plan<N> | undefined {
    const [top] = this.#heap;
    const last = this.#heap.pop();
    if (top === undefined || last === undefined || this.#heap.length === 0) return top;
    this.#heap[0] = last;
    this.#siftDown();
    return top;
  }

  #siftUp(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#useAt(parent) >= this.#useAt(at)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #siftDown(): void {
    let at = 0;
    for (;;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const latest = this.#useAt(right) > this.#useAt(left) ? right : left;
      if (this.#useAt(latest) <= this.#useAt(at)) return;
      this.#swap(at, latest);
      at = latest;
    }
  }

  #useAt(at: number): number {
    return this.#heap[at]?.nextUse ?? Number.NEGATIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const [planA, planB] = [this.#heap[a], this.#heap[b]];
    if (planA === undefined || planB === undefined) return;
    this.#heap[a] = planB;
    this.#heap[b] = planA;
  }
}

function isValid<N extends PolicyNode>({ nextUse, node }: Plan<N>): boolean {
  return node.queue === 1 && node.visits === nextUse;
}

function compareLatest(a: { nextUse: number }, b: { nextUse: number }): number {
  return a.nextUse === b.nextUse ? 0 : b.nextUse - a.nextUse;
}
