// `chimera up`: starts the mesh in the background and returns when it serves.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { ensureFolders, tail } from "@chimera/supervisor";
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { CommandError } from "../exit-code.ts";
import { integer } from "../parse.ts";
import { stepsOn } from "../terminal/steps.ts";
import type { SuperviseMessage } from "./supervise.ts";

const EXAMPLES = `
Examples:
  chimera up
  chimera up --inference 2
  CHIMERA_NATS_URL=nats://10.0.0.5:4222 ROUTER_PORT=8080 chimera up

Every setting of a service can be given in the environment; see one with
  node services/router/src/main.ts --help`;

export function upCommand(surroundings: Surroundings, mainFile: string): Command {
  return new Command("up")
    .summary("start the mesh in the background")
    .description("Starts NATS and the five services in the background and returns when all of them serve.")
    .option("--inference <n>", "inference processes", integer(1, 16), 1)
    .addHelpText("after", EXAMPLES)
    .action(({ inference }: { inference: number }) => up(inference, surroundings, mainFile));
}

async function up(inference: number, surroundings: Surroundings, mainFile: string): Promise<void> {
  const { terminal, clock, paths, stopped } = surroundings;
  ensureFolders(paths.logs);
  const log = join(paths.logs, "supervisor.log");
  const steps = stepsOn(terminal, clock);
  const addresses = await steps.run("mesh", async () => {
    const fd = openSync(log, "a");
    const child = spawn(process.execPath, [mainFile, "supervise", "--inference", String(inference)], {
      detached: true,
      stdio: ["ignore", fd, fd, "ipc"],
    });
    closeSync(fd);
    const value = await untilServing({ child, log, stopped, onLine: steps.note });
    child.disconnect();
    child.unref();
    return { value, detail: `serves in the background (process ${child.pid})` };
  });
  terminal.out(`${addresses.join("\n")}\n`);
  steps.note(`logs: ${paths.logs}`);
  steps.note('next: chimera ask "my parcel has not arrived", chimera status, chimera down');
}

interface Waiting {
  child: ChildProcess;
  log: string;
  stopped: AbortSignal;
  onLine(text: string): void;
}

/** Resolves with the addresses; where the start is given up, the background process is asked to end. */
function untilServing({ child, log, stopped, onLine }: Waiting): Promise<string[]> {
  return new Promise((resolve, reject) => {
    stopped.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
    child.on("error", reject);
    child.on("message", (message: SuperviseMessage) => {
      if (message.kind === "line") onLine(message.text);
      else if (message.kind === "serving") resolve(message.addresses);
      else reject(new CommandError(message.text));
    });
    child.once("exit", (code) => reject(new CommandError(`The background process ended with ${code}.\n${tail(log)}`)));
  });
}
