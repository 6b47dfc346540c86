// Everything of a version that can be refused by looking at it. What only a service can know, such as how many slots its engine can
// have, is the service's to refuse.
import type { Arm, CacheSettings, InferenceSettings, RouterSettings, Settings } from "@chimera/contracts/settings";
import type { FieldViolation } from "@chimera/kernel";
import { CACHE_POLICIES, outOfRange, type Range, ROUTER_POLICIES, ranges } from "./ranges.ts";
import { samplingViolations } from "./sampling-violations.ts";

const MAX_ARMS = 8;
const ARM_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
const MAX_MODEL_LENGTH = 128;
/** Shares such as three times a third. */
const ROUNDING = 1e-9;
/** Of who changed it, why, and under which prediction. */
const MAX_NOTE_LENGTH = 1024;

export function settingsViolations(settings: Settings): FieldViolation[] {
  const { router, cache, inference } = settings;
  return [
    ...noteViolations(settings),
    ...(router ? routerViolations(router) : []),
    ...(cache ? cacheViolations(cache) : []),
    ...(inference ? inferenceViolations(inference) : []),
  ];
}

function noteViolations({ changedBy, reason, predictionId }: Settings): FieldViolation[] {
  const notes = { changed_by: changedBy, reason, prediction_id: predictionId };
  return Object.entries(notes).flatMap(([field, text]): FieldViolation[] => {
    if (text === "" && field !== "prediction_id") return [{ field, description: "is empty" }];
    if (text.length <= MAX_NOTE_LENGTH) return [];
    return [{ field, description: `has ${text.length} characters, at most ${MAX_NOTE_LENGTH}` }];
  });
}

function routerViolations({ policy, maxQueued, batchWeight, maxWaitMs, defaultSampling, arms }: RouterSettings) {
  const { router } = ranges;
  return [
    ...unknownPolicy("router.policy", policy, ROUTER_POLICIES),
    ...wrongNumber("router.max_queued", maxQueued, router.maxQueued),
    ...wrongNumber("router.batch_weight", batchWeight, router.batchWeight),
    ...wrongNumber("router.max_wait_ms", maxWaitMs, router.maxWaitMs),
    ...samplingViolations(defaultSampling, "router.default_sampling"),
    ...armViolations(arms),
  ];
}

function armViolations(arms: readonly Arm[]): FieldViolation[] {
  const field = "router.arms";
  if (arms.length > MAX_ARMS) return [{ field, description: `has ${arms.length} entries, at most ${MAX_ARMS}` }];
  const violations = arms.flatMap((arm, index) => oneArmViolations(arm, `${field}[${index}]`));
  if (new Set(arms.map(({ name }) => name)).size < arms.length) {
    violations.push({ field, description: "has a name twice" });
  }
  const sum = arms.reduce((total, { share }) => total + share, 0);
  if (sum > 1 + ROUNDING) violations.push({ field, description: `the shares add up to ${sum}, at most 1` });
  return violations;
}

function oneArmViolations({ name, share, defaultSampling, model }: Arm, path: string): FieldViolation[] {
  const violations: FieldViolation[] = [];
  if (!ARM_NAME.test(name)) {
    violations.push({ field: `${path}.name`, description: "needs 1 to 32 small letters, digits and -" });
  }
  violations.push(...wrongNumber(`${path}.share`, share, { min: 0, max: 1, isAboveMin: true }));
  violations.push(...samplingViolations(defaultSampling, `${path}.default_sampling`));
  if (model.length > MAX_MODEL_LENGTH) {
    violations.push({ field: `${path}.model`, description: `has more than ${MAX_MODEL_LENGTH} characters` });
  }
  return violations;
}

function cacheViolations({ policy, capacityBytes, ttlS, staleS }: CacheSettings): FieldViolation[] {
  const { cache } = ranges;
  return [
    ...unknownPolicy("cache.policy", policy, CACHE_POLICIES),
    ...wrongNumber(
      "cache.capacity_bytes",
      capacityBytes === undefined ? undefined : Number(capacityBytes),
      cache.capacityBytes,
    ),
    ...wrongNumber("cache.ttl_s", ttlS, cache.ttlS),
    ...wrongNumber("cache.stale_s", staleS, cache.staleS),
  ];
}

function inferenceViolations({ slots, maxQueued }: InferenceSettings): FieldViolation[] {
  const { inference } = ranges;
  return [
    ...wrongNumber("inference.slots", slots, inference.slots),
    ...wrongNumber("inference.max_queued", maxQueued, inference.maxQueued),
  ];
}

function wrongNumber(field: string, value: number | undefined, range: Range): FieldViolation[] {
  const description = value === undefined ? undefined : outOfRange(value, range);
  return description === undefined ? [] : [{ field, description }];
}

function unknownPolicy(field: string, policy: string | undefined, known: readonly string[]): FieldViolation[] {
  if (policy === undefined || known.includes(policy)) return [];
  return [{ field, description: `${JSON.stringify(policy.slice(0, 32))} is none of ${known.join(", ")}` }];
}
