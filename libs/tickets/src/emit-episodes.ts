// Prints training episodes, one JSON array of [text, role] segments a line: the only form in which the trainer of the
// bundled model sees the task.
// Usage: node libs/tickets/src/emit-episodes.ts --plan '<EpisodePlan as JSON>' --seed 1 --count 1000
import { once } from "node:events";
import { parseArgs } from "node:util";
import { type EpisodePlan, episodes } from "./episodes.ts";

const LINES_PER_WRITE = 200;

const { values } = parseArgs({
  options: {
    plan: { type: "string" },
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "10" },
  },
});
if (values.plan === undefined) throw new Error("--plan is missing: give an EpisodePlan as JSON");
const plan: EpisodePlan = JSON.parse(values.plan);
const count = Number(values.count);

// The reader ends a run early by closing the pipe.
process.stdout.on("error", () => process.exit(0));
let lines = "";
let emitted = 0;
for (const episode of episodes(plan, Number(values.seed))) {
  if (emitted === count) break;
  emitted++;
  lines += `${JSON.stringify(episode)}\n`;
  if (emitted % LINES_PER_WRITE !== 0) continue;
  if (!process.stdout.write(lines)) await once(process.stdout, "drain");
  lines = "";
}
process.stdout.write(lines);
