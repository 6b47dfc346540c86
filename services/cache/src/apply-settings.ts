// Puts a version of the mesh's settings into force at this cache, in slices: lookups go on meanwhile, and no answer is lost but those
// that have no room any more.
import type { Settings } from "@chimera/contracts/settings";
import type { Clock, Random } from "@chimera/kernel";
import type { Answers } from "./answers.ts";
import type { Entry } from "./index/entry.ts";
import type { EntryIndex } from "./index/entry-index.ts";
import { createPolicy, isPolicyName, type PolicyName } from "./policy/policies.ts";
import type { Shadows } from "./shadow/shadows.ts";

/** Of the environment: what a version leaves unset. */
export interface OwnSettings {
  policy: PolicyName;
  capacityBytes: number;
  ttlSeconds: number;
  staleSeconds: number;
}

export interface Applied {
  own: OwnSettings;
  answers: Answers;
  index: EntryIndex;
  shadows: Pick<Shadows, "reset">;
  clock: Clock;
  random: Random;
}

/** Expects checked settings. */
export function applySettings({ own, answers, index, shadows, clock, random }: Applied) {
  return async ({ cache }: Pick<Settings, "cache">): Promise<void> => {
    const asked = cache?.policy ?? own.policy;
    const policy = isPolicyName(asked) ? asked : own.policy;
    const capacityBytes = cache?.capacityBytes === undefined ? own.capacityBytes : Number(cache.capacityBytes);
    const isOther = policy !== index.policyName;
    const isResized = capacityBytes !== index.capacityBytes;
    answers.setTerms({
      ttlMs: (cache?.ttlS ?? own.ttlSeconds) * 1000,
      staleMs: (cache?.staleS ?? own.staleSeconds) * 1000,
    });
    if (isOther) await index.changePolicy(createPolicy<Entry>(policy, { capacityBytes, random }), clock);
    if (isResized) await answers.resize(capacityBytes);
    if (isOther || isResized) shadows.reset({ policy, capacityBytes });
  };
}
