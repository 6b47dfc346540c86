// `chimera start`, which is `npm start`: the whole mesh, real traffic through it, and the executive summary of what happened.
import { once } from "node:events";
import { resolve } from "node:path";
import type { Mesh } from "@chimera/supervisor";
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { CommandError } from "../exit-code.ts";
import { addressLines, startMeshInSteps } from "../mesh-steps.ts";
import { decimal, integer } from "../parse.ts";
import { runShowcase } from "../showcase.ts";
import { stepsOn } from "../terminal/steps.ts";

export interface StartOptions {
  once?: boolean;
  requests: number;
  rate: number;
  seed: number;
  inference: number;
  out: string;
}

const EXAMPLES = `
Examples:
  npm start                                  play, report, and keep serving until Ctrl-C
  npm start -- --once                        the same, then end
  npm start -- --requests 6000 --rate 100    more of it
  npm start -- --out reports --seed 7        files elsewhere, other traffic

The report is written to report.md, report.json and report.html.`;

export function startCommand(surroundings: Surroundings): Command {
  return new Command("start")
    .summary("start the mesh, play traffic through it, print the executive summary")
    .description("Starts NATS and the five services, plays a workload through them, scores the answers and reports.")
    .option("--once", "end after the report instead of serving on")
    .option("--requests <n>", "requests of the workload", integer(1, 1_000_000), 1500)
    .option("--rate <rps>", "requests per second, on average", decimal(0.1, 10_000), 60)
    .option("--seed <n>", "the same seed plays the same traffic", integer(0, 4_294_967_295), 1)
    .option("--inference <n>", "inference processes", integer(1, 16), 1)
    .option("--out <dir>", "folder of the report", ".")
    .addHelpText("after", EXAMPLES)
    .action((options: StartOptions) => start(options, surroundings));
}

async function start(options: StartOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, clock, cwd } = surroundings;
  const steps = stepsOn(terminal, clock);
  const mesh = await startMeshInSteps(steps, surroundings, { inference: options.inference });
  try {
    const { problem } = await runShowcase({ ...options, mesh, steps, surroundings, outDir: resolve(cwd, options.out) });
    if (!options.once) await serveOn(mesh, surroundings, problem);
    if (problem !== undefined) throw new CommandError(problem);
  } finally {
    await steps.run("stopped", async () => {
      await mesh.stop();
      return { value: undefined, detail: "every process ended" };
    });
  }
}

async function serveOn(mesh: Mesh, { terminal, stopped }: Surroundings, problem: string | undefined): Promise<void> {
  if (problem !== undefined) terminal.err(`${terminal.paintErr("red", problem)}\n`);
  terminal.err(
    `\nServing on; Ctrl-C to stop.\n${addressLines(mesh)
      .map((line) => `  ${line}\n`)
      .join("")}`,
  );
  if (!stopped.aborted) await once(stopped, "abort");
}
