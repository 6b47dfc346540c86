import { expect, it } from "vitest";
import { rotated } from "./turns.ts";

it("everybody is in every round, and first in one of them", () => {
  const rounds = [0, 1, 2, 3].map((round) => rotated(["a", "b", "c"], round).join(""));
  expect(rounds).toEqual(["abc", "bca", "cab", "abc"]);
  expect(rotated([], 3)).toEqual([]);
});
