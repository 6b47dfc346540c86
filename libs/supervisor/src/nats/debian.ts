// Debian's package of nats-server, unpacked beside the project: no root needed, nothing installed, no system service started.
// apt checks the package against the signed lists of the distribution.
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { RunCommand } from "./run-command.ts";

const PACKAGE = "nats-server";
const UPDATE_TIMEOUT_MS = 120_000;
const DOWNLOAD_TIMEOUT_MS = 120_000;
const SHORT_TIMEOUT_MS = 30_000;

export interface DebianOptions {
  installDir: string;
  run: RunCommand;
  isRoot: boolean;
}

export function debianPath(installDir: string): string {
  return join(installDir, "debian", "usr", "sbin", PACKAGE);
}

/** Throws with a reason a reader understands. */
export async function unpackDebianPackage({ installDir, run, isRoot }: DebianOptions): Promise<string> {
  const apt = await run("apt-get", ["--version"], { timeoutMs: SHORT_TIMEOUT_MS });
  if (!apt.ok) throw new Error("this is not a Debian or Ubuntu system (there is no apt-get)");
  await ensureLists(run, isRoot);

  const folder = join(installDir, "debian");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const got = await run("apt-get", ["download", PACKAGE], { cwd: folder, timeoutMs: DOWNLOAD_TIMEOUT_MS });
  const file = readdirSync(folder).find((name) => name.endsWith(".deb"));
  if (!got.ok || file === undefined) throw new Error(`apt-get download ${PACKAGE} failed: ${lastLine(got.output)}`);
  const unpacked = await run("dpkg", ["-x", join(folder, file), folder], { timeoutMs: SHORT_TIMEOUT_MS });
  rmSync(join(folder, file));
  if (!unpacked.ok) throw new Error(`dpkg -x ${file} failed: ${lastLine(unpacked.output)}`);
  return debianPath(installDir);
}

async function ensureLists(run: RunCommand, isRoot: boolean): Promise<void> {
  const isKnown = async () => (await run("apt-cache", ["show", PACKAGE], { timeoutMs: SHORT_TIMEOUT_MS })).ok;
  if (await isKnown()) return;
  if (!isRoot)
    throw new Error(`apt does not know the package ${PACKAGE}; its lists may be missing (sudo apt-get update)`);
  const update = await run("apt-get", ["update"], { timeoutMs: UPDATE_TIMEOUT_MS });
  if (!update.ok) throw new Error(`apt-get update failed: ${lastLine(update.output)}`);
  if (!(await isKnown())) throw new Error(`this distribution has no package ${PACKAGE}`);
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
