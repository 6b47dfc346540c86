// The process behind `chimera up`: holds the mesh until it is told to stop. It tells its parent how the start goes.
import { once } from "node:events";
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { addressLines, startMeshInSteps } from "../mesh-steps.ts";
import { integer } from "../parse.ts";
import { stepsOn } from "../terminal/steps.ts";

/** What `up` hears from this process. */
export type SuperviseMessage =
  | { kind: "line"; text: string }
  | { kind: "serving"; addresses: string[] }
  | { kind: "failed"; text: string };

export function superviseCommand(surroundings: Surroundings): Command {
  return new Command("supervise")
    .description("Holds a mesh in the foreground until SIGTERM. `chimera up` starts it in the background.")
    .option("--inference <n>", "inference processes", integer(1, 16), 1)
    .action(({ inference }: { inference: number }) => supervise(inference, surroundings));
}

async function supervise(inference: number, surroundings: Surroundings): Promise<void> {
  const { terminal, clock, stopped } = surroundings;
  const steps = stepsOn(terminal, clock);
  const tellParent = (message: SuperviseMessage) => {
    if (process.connected) process.send?.(message);
  };
  const note = (text: string) => {
    steps.note(text);
    tellParent({ kind: "line", text });
  };
  try {
    const mesh = await startMeshInSteps({ ...steps, note }, surroundings, { inference });
    tellParent({ kind: "serving", addresses: addressLines(mesh) });
    if (!stopped.aborted) await once(stopped, "abort");
    await mesh.stop();
  } catch (error) {
    tellParent({ kind: "failed", text: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}
