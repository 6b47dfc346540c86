// The eviction policies by name.
import type { Random } from "@chimera/kernel";
import { CACHE_POLICIES as POLICY_NAMES } from "@chimera/settings";
import type { PolicyNode } from "../index/entry.ts";
import { LruPolicy } from "./lru.ts";
import type { Policy } from "./policy.ts";
import { S3FifoPolicy } from "./s3-fifo.ts";
import { SievePolicy } from "./sieve.ts";
import { WTinyLfuPolicy } from "./w-tiny-lfu.ts";

export { POLICY_NAMES };
export type PolicyName = (typeof POLICY_NAMES)[number];
export const DEFAULT_POLICY: PolicyName = "s3-fifo";

export function isPolicyName(name: string): name is PolicyName {
  return POLICY_NAMES.some((each) => each === name);
}

export interface PolicyOptions {
  capacityBytes: number;
  random: Random;
}

export function createPolicy<N extends PolicyNode>(name: PolicyName, options: PolicyOptions): Policy<N> {
  switch (name) {
    case "lru":
      return new LruPolicy();
    case "s3-fifo":
      return new S3FifoPolicy(options.capacityBytes);
    case "sieve":
      return new SievePolicy();
    case "w-tinylfu":
      return new WTinyLfuPolicy(options);
  }
}
