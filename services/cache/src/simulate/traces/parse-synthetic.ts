// The words for a synthetic trace, "zipf:alpha=0.9,uniques=0.3", to its options.
import type { SyntheticOptions } from "./synthetic.ts";

const RANGES: Record<keyof SyntheticOptions, { least: number; most: number; isWhole: boolean }> = {
  alpha: { least: 0, most: 5, isWhole: false },
  uniques: { least: 0, most: 1, isWhole: false },
  drift: { least: 0, most: 1, isWhole: false },
  requests: { least: 1, most: 100_000_000, isWhole: true },
  popular: { least: 1, most: 10_000_000, isWhole: true },
  seed: { least: 0, most: 4_294_967_295, isWhole: true },
};

/** Throws an Error that says what would be right. */
export function parseSynthetic(text: string): SyntheticOptions {
  const [kind, rest = ""] = text.split(":", 2);
  if (kind !== "zipf") throw new Error("Give it as zipf:alpha=0.9,uniques=0.3,drift=0.1,seed=1.");
  const options: SyntheticOptions = {};
  for (const part of rest.split(",").filter((each) => each.trim() !== "")) {
    const [name = "", value = ""] = part.split("=", 2).map((word) => word.trim());
    if (!isOption(name)) throw new Error(`It has ${Object.keys(RANGES).join(", ")}, not ${JSON.stringify(name)}.`);
    options[name] = inRange(name, value);
  }
  return options;
}

function isOption(name: string): name is keyof SyntheticOptions {
  return Object.hasOwn(RANGES, name);
}

function inRange(name: keyof SyntheticOptions, text: string): number {
  const { least, most, isWhole } = RANGES[name];
  const value = text === "" ? Number.NaN : Number(text);
  if (value >= least && value <= most && (!isWhole || Number.isInteger(value))) return value;
  throw new Error(`${name} is a ${isWhole ? "whole " : ""}number from ${least} to ${most}.`);
}
