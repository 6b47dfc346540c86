// Finds a program that may or may not be installed; daemons lie where an ordinary user's PATH does not lead.
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { inheritedEnv } from "@chimera/supervisor";

/** Undefined where it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [...(inheritedEnv().PATH ?? "").split(":"), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return folders
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** What it says of its version, one line. */
export function versionOf(program: string, flag: string): string {
  // nginx tells its version on stderr.
  const text = execFileSync("sh", ["-c", '"$0" "$1" 2>&1', program, flag], { encoding: "utf8" });
  return text.split("\n")[0]?.trim() ?? "";
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
