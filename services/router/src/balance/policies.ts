// The policies by name.
import type { Random } from "@chimera/kernel";
import { ROUTER_POLICIES as POLICY_NAMES } from "@chimera/settings";
import { EstimatedWait } from "./estimated-wait.ts";
import { LeastOutstanding } from "./least-outstanding.ts";
import type { Policy } from "./policy.ts";
import { PrefixAffine } from "./prefix-affine.ts";
import { RoundRobin } from "./round-robin.ts";
import { TwoChoices } from "./two-choices.ts";

export { POLICY_NAMES };

export type PolicyName = (typeof POLICY_NAMES)[number];

/** Prefix affinity until the replica is saturated, then two random choices by expected wait. */
export const DEFAULT_POLICY: PolicyName = "affinity-then-wait";

/** See PrefixAffineOptions. Between 2 and 6 `npm run bench -- policies` shows little difference. */
const PATIENCE = 3;

const POLICIES: Record<PolicyName, (random: Random) => Policy> = {
  "affinity-then-wait": (random) =>
    new PrefixAffine({ random, otherwise: new TwoChoices(random, "expected-wait"), patience: PATIENCE }),
  "round-robin": () => new RoundRobin(),
  "least-outstanding": (random) => new LeastOutstanding(random),
  "two-choices": (random) => new TwoChoices(random, "outstanding"),
  "prefix-affine": (random) => new PrefixAffine({ random, otherwise: new TwoChoices(random, "outstanding") }),
  "estimated-wait": (random) => new EstimatedWait(random),
};

export function isPolicyName(name: string): name is PolicyName {
  return POLICY_NAMES.some((each) => each === name);
}

/** One per model: a policy may remember whose turn it is. */
export function createPolicy(name: PolicyName, random: Random): Policy {
  return POLICIES[name](random);
}
