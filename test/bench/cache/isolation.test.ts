import { seededRandom } from "@chimera/kernel";
import { expect, it } from "vitest";
import { isolationTally } from "./isolation.ts";

it.each([1, 2, 3])("no tenant gets what another one stored, seed %i", async (seed) => {
  const { signal } = new AbortController();
  const tally = await isolationTally({ addresses: ["memory"], lookups: 4000, random: seededRandom(seed), signal });
  expect(tally.foreign).toBe(0);
  expect(tally.hits).toBeGreaterThan(400);
});
