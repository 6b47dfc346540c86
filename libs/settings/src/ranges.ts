// What a setting of the mesh may be: names and ranges, which the services' own environment settings have as well.

export interface Range {
  min: number;
  max: number;
  /** Of `min`: it is the first value that is too small. */
  isAboveMin?: boolean;
  isWhole?: boolean;
}

/** Prefix affinity until the replica is saturated, then two random choices by expected wait, is the first. */
export const ROUTER_POLICIES = [
  "affinity-then-wait",
  "round-robin",
  "least-outstanding",
  "two-choices",
  "prefix-affine",
  "estimated-wait",
] as const;

export const CACHE_POLICIES = ["s3-fifo", "lru", "sieve", "w-tinylfu"] as const;

const YEAR_S = 31_536_000;

export const ranges = {
  router: {
    maxQueued: { min: 0, max: 100_000, isWhole: true },
    batchWeight: { min: 0.001, max: 1 },
    maxWaitMs: { min: 1, max: 600_000 },
  },
  cache: {
    capacityBytes: { min: 64 * 1024, max: Number.MAX_SAFE_INTEGER, isWhole: true },
    ttlS: { min: 1, max: YEAR_S, isWhole: true },
    staleS: { min: 0, max: YEAR_S, isWhole: true },
  },
  inference: {
    slots: { min: 1, max: 1024, isWhole: true },
    maxQueued: { min: 0, max: 65_536, isWhole: true },
  },
  sampling: {
    temperature: { min: 0, max: 2 },
    topP: { min: 0, max: 1, isAboveMin: true },
    topK: { min: 0, max: 1_000_000, isWhole: true },
    minP: { min: 0, max: 1 },
    repetitionPenalty: { min: 0.5, max: 2 },
    maxTokens: { min: 1, max: 1_000_000, isWhole: true },
  },
} as const satisfies Record<string, Record<string, Range>>;

/** What is wrong and what would be right; undefined where nothing is. */
export function outOfRange(
  value: number,
  { min, max, isAboveMin = false, isWhole = false }: Range,
): string | undefined {
  const isHighEnough = isAboveMin ? value > min : value >= min;
  if (isHighEnough && value <= max && (!isWhole || Number.isInteger(value))) return undefined;
  return `${value} is out of range, ${isAboveMin ? "above" : "from"} ${min} to ${max}`;
}
