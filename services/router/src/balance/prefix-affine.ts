// The replica that holds most of the prompt, as long as it is not saturated; else, and for prompts that nobody holds, another
// policy decides.
import type { Random } from "@chimera/kernel";
import { uncachedTokens } from "./expected-wait.ts";
import type { BalanceRequest, Candidate, Choice, Field, Policy } from "./policy.ts";
import { heldShare } from "./prefix-keys.ts";

/** A part of the prompt smaller than this is not worth going where it is. */
const MIN_SHARE = 0.1;
/** Holders of one beginning that are looked at. */
const MAX_HOLDERS = 8;

export interface PrefixAffineOptions {
  random: Random;
  /** For prompts without a holder that has room. */
  otherwise: Policy;
  /**
   * How many times the wait elsewhere a holder may take. Sticking where the prefix is costs this request a little and saves its
   * computation, which all others would wait for. Without it a holder is saturated only when it has no room.
   */
  patience?: number;
}

export class PrefixAffine implements Policy {
  readonly #random: Random;
  readonly #otherwise: Policy;
  readonly #patience: number;

  constructor({ random, otherwise, patience = Number.POSITIVE_INFINITY }: PrefixAffineOptions) {
    this.#random = random;
    this.#otherwise = otherwise;
    this.#patience = patience;
  }

  choose<C extends Candidate>(request: BalanceRequest, field: Field<C>): Choice<C> | undefined {
    const holder = this.#bestHolder(request, field);
    if (holder === undefined) return this.#otherwise.choose(request, field);
    if (this.#patience === Number.POSITIVE_INFINITY) return chosen(holder, [holder]);
    const other = this.#otherwise.choose(request, field);
    if (other === undefined || other.candidate === holder) return chosen(holder, [holder]);
    const considered = [holder, ...other.considered];
    const held = uncachedTokens(holder, request, field);
    const missing = uncachedTokens(other.candidate, request, field);
    const withPatience = missing + this.#patience * Math.max(0, missing - held);
    if (holder.expectedTtftMs(held) <= other.candidate.expectedTtftMs(withPatience)) return chosen(holder, considered);
    return { ...other, why: `${other.why}: the holder of its beginning is saturated`, considered };
  }

  /** Of those with room, the one that holds most; among those that hold the same, the soonest. */
  #bestHolder<C extends Candidate>({ prefixKeys, promptTokens }: BalanceRequest, field: Field<C>): C | undefined {
    const { prefixes } = field;
    for (let held = prefixes.longest(prefixKeys); held > 0; held--) {
      if (heldShare(held, prefixKeys.length) < MIN_SHARE) return undefined;
      const holders = prefixes.holders(prefixKeys[held - 1]);
      const first = holders.length <= MAX_HOLDERS ? 0 : Math.floor(this.#random() * holders.length);
      let best: C | undefined;
      let bestMs = Number.POSITIVE_INFINITY;
      for (let i = 0; i < Math.min(holders.length, MAX_HOLDERS); i++) {
        const holder = holders[(first + i) % holders.length];
        if (holder === undefined || !field.isOpenToHeld(holder)) continue;
        const ms = holder.expectedTtftMs(promptTokens);
        if (ms >= bestMs) continue;
        best = holder;
        bestMs = ms;
      }
      if (best !== undefined) return best;
    }
    return undefined;
  }
}

function chosen<C extends Candidate>(candidate: C, considered: readonly C[]): Choice<C> {
  return { candidate, why: "holds the beginning of the prompt", considered };
}
