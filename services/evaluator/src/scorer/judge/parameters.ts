// What the judge is told by who asks for it, and its name among the scorers.
import { z } from "zod";

export const JUDGE = "judge";
/** Beside the grades: how many of the judge's replies could be read. */
export const JUDGE_READ = "judge_read";

const MAX_CRITERIA_CHARACTERS = 4000;

export const judgeParameters = z.strictObject({
  criteria: z
    .string()
    .min(1)
    .max(MAX_CRITERIA_CHARACTERS)
    .default("The answer is correct and complete, and says nothing that is wrong or was not asked for.")
    .describe("what a good answer is"),
  model: z.string().max(200).default("").describe("model that judges; the mesh's only one where empty"),
  best: z.int().min(2).max(10).default(5).describe("grades go from 1 to this"),
});
