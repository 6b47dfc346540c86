// What chance has in store for one request, decided on arrival by seed and order of arrival alone.
import { seededRandom } from "@chimera/kernel";
import type { SimulationParameters } from "./parameters.ts";

export interface Fate {
  fails: boolean;
  /** Tokens after which the answer breaks off; Infinity for one that does not. */
  breaksAfterTokens: number;
}

export const GOOD_FATE: Fate = { fails: false, breaksAfterTokens: Number.POSITIVE_INFINITY };

type Chances = Pick<SimulationParameters, "failureShare" | "disconnectShare">;

export interface FateOptions {
  seed: number;
  /** How many requests came before this one. */
  arrival: number;
  completionTokens: number;
}

export function fateOf({ failureShare, disconnectShare }: Chances, options: FateOptions): Fate {
  if (failureShare === 0 && disconnectShare === 0) return GOOD_FATE;
  const { seed, arrival, completionTokens } = options;
  const random = seededRandom(mixSeeds(seed, arrival));
  const draw = random();
  if (draw < failureShare) return { ...GOOD_FATE, fails: true };
  if (draw >= failureShare + disconnectShare || completionTokens < 2) return GOOD_FATE;
  return { fails: false, breaksAfterTokens: 1 + Math.floor(random() * (completionTokens - 1)) };
}

/** Two 32-bit seeds to one; the finaliser of MurmurHash3 (Appleby 2011). */
export function mixSeeds(a: number, b: number): number {
  let h = (Math.imul(a, 0x9e3779b1) ^ b) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
