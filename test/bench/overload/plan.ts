// Who asks when: tenants that come independently of each other and of the answers they get.
import { type Random, seededRandom } from "@chimera/kernel";

export interface TenantRate {
  tenant: string;
  perSecond: number;
}

export interface Arrival {
  atMs: number;
  tenant: string;
  /** Different for every request of a plan. */
  index: number;
}

/** Poisson arrivals of each tenant, in order of time. The same seed gives the same plan. */
export function arrivalPlan(
  rates: readonly TenantRate[],
  { seconds, seed }: { seconds: number; seed: number },
): Arrival[] {
  const random = seededRandom(seed);
  return rates
    .flatMap((rate) => [...poisson(rate, seconds * 1000, random)])
    .sort((a, b) => a.atMs - b.atMs)
    .map((arrival, index) => ({ ...arrival, index }));
}

function* poisson({ tenant, perSecond }: TenantRate, untilMs: number, random: Random) {
  const gapMs = () => (-Math.log(1 - random()) * 1000) / perSecond;
  for (let atMs = gapMs(); perSecond > 0 && atMs < untilMs; atMs += gapMs()) yield { atMs, tenant };
}
