import { expect, it } from "vitest";
import { agoText } from "./ago-text.ts";

it.each([
  [-5000, "0 s"],
  [999, "0 s"],
  [12_900, "12 s"],
  [119_999, "119 s"],
  [120_000, "2 min"],
  [7_199_999, "119 min"],
  [7_200_000, "2 h"],
  [172_800_000, "2 d"],
])("agoText(%i) is %s", (ageMs, text) => {
  expect(agoText(ageMs)).toBe(text);
});
