// The policy in use, which can be changed under a full index: entries move over one by one while both know their own.
import { assert } from "@chimera/kernel";
import type { Policy } from "../policy/policy.ts";
import type { Entry } from "./entry.ts";

export class ChangingPolicy implements Policy<Entry> {
  #policy: Policy<Entry>;
  /** The one before, until all of its entries have moved. */
  #leaving: Policy<Entry> | undefined;
  /** Of the policy in use; an entry with another one has not moved yet. */
  #number = 0;

  constructor(policy: Policy<Entry>) {
    this.#policy = policy;
  }

  get name(): string {
    return this.#policy.name;
  }

  added(entry: Entry): void {
    entry.policyNumber = this.#number;
    this.#policy.added(entry);
  }

  used(entry: Entry): void {
    this.#of(entry).used(entry);
  }

  removed(entry: Entry): void {
    this.#of(entry).removed(entry);
  }

  /** Those that have moved were used longest ago, so the first to leave is among them. */
  evict(): Entry | undefined {
    return this.#policy.evict() ?? this.#leaving?.evict();
  }

  resized(capacityBytes: number): void {
    this.#policy.resized?.(capacityBytes);
  }

  /** From here on `policy` gets what comes; move() and then end() are due. */
  begin(policy: Policy<Entry>): void {
    assert(this.#leaving === undefined, "one policy takes over at a time");
    this.#leaving = this.#policy;
    this.#policy = policy;
    this.#number += 1;
  }

  /** Expects a resident entry. */
  move(entry: Entry): void {
    if (entry.policyNumber === this.#number) return;
    this.#leaving?.removed(entry);
    this.added(entry);
  }

  end(): void {
    assert(this.#leaving?.evict() === undefined, "every entry has moved");
    this.#leaving = undefined;
  }

  #of(entry: Entry): Policy<Entry> {
    return entry.policyNumber === this.#number || this.#leaving === undefined ? this.#policy : this.#leaving;
  }
}
