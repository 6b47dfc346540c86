// `chimera status`: what runs, where, and how it is.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkHealth, type MeshState, readNatsInfo, readState, repositoryRoot, stateStatus } from "@chimera/supervisor";
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { CommandError, EXIT_CODES } from "../exit-code.ts";
import { table } from "../terminal/table.ts";

interface ProcessReport {
  service: string;
  pid: number;
  url: string;
  health: string;
  uptimeS: number;
  version: string;
  log: string;
}

const EXAMPLES = `
Examples:
  chimera status
  chimera status --json | jq '.processes[] | select(.health != "serving")'

It ends with 0 where everything serves, 1 where something does not, and 3 where no mesh is running.`;

export function statusCommand(surroundings: Surroundings): Command {
  return new Command("status")
    .summary("show every process of the mesh and its health")
    .description("Asks every process of the mesh that runs on this machine how it is.")
    .option("--json", "print JSON")
    .addHelpText("after", EXAMPLES)
    .action(({ json }: { json?: boolean }) => status(json ?? false, surroundings));
}

async function status(json: boolean, surroundings: Surroundings): Promise<void> {
  const { terminal, paths } = surroundings;
  const state = readState(paths);
  if (state === undefined || stateStatus(state) !== "running") {
    if (json) terminal.out(`${JSON.stringify({ running: false, processes: [] })}\n`);
    throw new CommandError("No mesh is running on this machine. Start one with `chimera up`.", EXIT_CODES.notRunning);
  }
  const processes = await inspect(state, surroundings);
  if (json)
    terminal.out(`${JSON.stringify({ running: true, supervisorPid: state.supervisor.pid, processes }, null, 2)}\n`);
  else terminal.out(statusTable(processes));
  const ill = processes.filter((each) => each.health !== "serving");
  if (ill.length === 0) return;
  throw new CommandError(ill.map((each) => `${each.service} is ${each.health}; its log: ${each.log}`).join("\n"));
}

async function inspect(state: MeshState, { clock }: Surroundings): Promise<ProcessReport[]> {
  const own = ownVersion();
  return Promise.all(
    state.processes.map(async ({ name, service, pid, url, log, startedAtMs }) => {
      const nats = service === "nats" ? await readNatsInfo(url, 1000).catch(() => undefined) : undefined;
      const health = service === "nats" ? (nats ? "serving" : "unreachable") : await checkHealth(url);
      const version = service === "nats" ? (nats?.version ?? "") : own;
      const uptimeS = Math.max(0, Math.round((clock.nowMs() - startedAtMs) / 1000));
      return { service: name, pid, url, health, uptimeS, version, log };
    }),
  );
}

function ownVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "";
}

export function statusTable(processes: readonly ProcessReport[]): string {
  return table(
    ["SERVICE", "PID", "ADDRESS", "HEALTH", "UPTIME", "VERSION"],
    processes.map((each) => [
      each.service,
      String(each.pid),
      each.url.replace(/^\w+:\/\//, ""),
      each.health,
      uptimeText(each.uptimeS),
      each.version,
    ]),
  );
}

export function uptimeText(seconds: number): string {
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days}d ${hours}h`;
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${seconds % 60}s` : `${seconds}s`;
}
