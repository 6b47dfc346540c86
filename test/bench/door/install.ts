// Brings the gateways that the door is compared with into a folder of this clone: pinned versions, from the ordinary registries,
// once. Nothing of the system is changed.
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { meshPaths } from "@chimera/supervisor";
import { runCommand } from "../../../libs/supervisor/src/nats/run-command.ts";
import { findProgram } from "../proxies/find-program.ts";

export const PORTKEY_VERSION = "1.15.2";
export const LITELLM_VERSION = "1.94.3";
/** Portkey's stream fails with newer releases of its own dependencies, and its fast path is not found by a newer Node. */
const PORTKEY_PINS = { "@hono/node-server": "1.13.5", hono: "4.9.7" };
export const PORTKEY_NODE = "20.20.2";

const NPM_TIMEOUT_MS = 180_000;
const VENV_TIMEOUT_MS = 60_000;
const PIP_TIMEOUT_MS = 900_000;

export interface InstallOptions {
  /** Without it, only what is there already is used. */
  install: boolean;
  progress(line: string): void;
}

export interface Peer {
  name: string;
  folder: string;
  /** Throws with a reason a reader understands. */
  fetch(folder: string): Promise<void>;
}

export interface PortkeyFiles {
  node: string;
  server: string;
}

/** Undefined where it can not be had; says why. */
export async function findPortkey(options: InstallOptions): Promise<PortkeyFiles | undefined> {
  const runtime = `node-linux-${process.arch}`;
  const folder = folderOf("portkey", PORTKEY_VERSION);
  const fetch = async (into: string) => {
    const dependencies = { "@portkey-ai/gateway": PORTKEY_VERSION, [runtime]: PORTKEY_NODE };
    const manifest = { name: "peer", private: true, dependencies, overrides: PORTKEY_PINS };
    writeFileSync(join(into, "package.json"), JSON.stringify(manifest));
    const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund"];
    await run("npm", args, { cwd: into, timeoutMs: NPM_TIMEOUT_MS });
  };
  if (!(await provide({ name: `Portkey ${PORTKEY_VERSION}`, folder, fetch }, options))) return undefined;
  return {
    node: join(folder, "node_modules", runtime, "bin", "node"),
    server: join(folder, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js"),
  };
}

/** The program; undefined where it can not be had; says why. */
export async function findLitellm(options: InstallOptions): Promise<string | undefined> {
  const folder = folderOf("litellm", LITELLM_VERSION);
  const fetch = async (into: string) => {
    const python = findProgram("python3");
    if (python === undefined) throw new Error("there is no python3");
    await run(python, ["-m", "venv", into], { cwd: into, timeoutMs: VENV_TIMEOUT_MS });
    const wanted = `litellm[proxy]==${LITELLM_VERSION}`;
    await run(join(into, "bin", "pip"), ["install", "--quiet", wanted], { cwd: into, timeoutMs: PIP_TIMEOUT_MS });
  };
  const isThere = await provide({ name: `LiteLLM ${LITELLM_VERSION}`, folder, fetch }, options);
  return isThere ? join(folder, "bin", "litellm") : undefined;
}

export function folderOf(name: string, version: string): string {
  return join(meshPaths().base, "peers", `${name}-${version}`);
}

/** Whether it is there. A file at the end tells a whole installation from one that was cut. */
export async function provide({ name, folder, fetch }: Peer, { install, progress }: InstallOptions): Promise<boolean> {
  const whole = join(folder, "installed");
  if (existsSync(whole)) return true;
  if (!install) {
    progress(`${name} is not installed yet; run once without --quick. What compares with it is left out`);
    return false;
  }
  progress(`installing ${name} into ${folder}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    await fetch(folder);
    writeFileSync(whole, "");
    return true;
  } catch (error) {
    progress(`${name} can not be had: ${error instanceof Error ? error.message : error}. It is left out`);
    return false;
  }
}

export async function run(
  command: string,
  args: readonly string[],
  options: { cwd: string; timeoutMs: number },
): Promise<void> {
  const { ok, output } = await runCommand(command, args, options);
  if (!ok) throw new Error(output.split("\n").at(-1));
}
