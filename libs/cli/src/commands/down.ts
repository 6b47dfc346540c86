// `chimera down`: stops the mesh of this machine in order.
import { readState, stateStatus, stopRecorded } from "@chimera/supervisor";
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { CommandError, EXIT_CODES } from "../exit-code.ts";
import { stepsOn } from "../terminal/steps.ts";

const EXAMPLES = `
Example:
  chimera down

Requests in flight are answered first. What does not end in time is ended by force.`;

export function downCommand(surroundings: Surroundings): Command {
  return new Command("down")
    .summary("stop the mesh")
    .description("Stops the mesh that runs on this machine: router, evaluator, cache, inference, insight, NATS.")
    .addHelpText("after", EXAMPLES)
    .action(() => down(surroundings));
}

async function down({ terminal, clock, paths }: Surroundings): Promise<void> {
  const state = readState(paths);
  if (state === undefined) throw new CommandError("No mesh is running on this machine.", EXIT_CODES.notRunning);
  const wasStale = stateStatus(state) === "stale";
  await stepsOn(terminal, clock).run("stopped", async () => {
    const orphans = await stopRecorded(paths, state, { clock });
    const detail =
      orphans.length > 0 ? `what its supervisor left behind: ${orphans.join(", ")}` : "every process ended";
    return { value: undefined, detail: wasStale && orphans.length === 0 ? "it was gone already" : detail };
  });
}
