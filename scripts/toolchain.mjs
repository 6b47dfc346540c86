// Gets a bare clone ready to run: installs what the lockfile asks for and finds the pinned Node. Plain JavaScript without
// dependencies, because it runs before anything is installed, on whatever Node (18 or later) started it.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const NEEDED_NODE_MAJOR = 24;
const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/** A problem with a known remedy: printed as it is, without a stack. */
export class ToolchainError extends Error {}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Names of packages that package-lock.json asks for and npm's own record of node_modules does not have in that version.
 * The record is written last by npm, so an install that was cut short counts as missing altogether.
 */
export function missingPackages(lock, installed, { dev }) {
  const missing = [];
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (!path.startsWith("node_modules/")) continue;
    if (!dev && (wanted.dev || wanted.devOptional)) continue;
    const found = installed?.packages?.[path];
    if (found === undefined && wanted.optional) continue;
    const differs = wanted.link ? found?.resolved !== wanted.resolved : found?.version !== wanted.version;
    if (found === undefined || differs) {
      missing.push(path.slice("node_modules/".length));
    }
  }
  return missing;
}

/** Installs with `npm ci` unless node_modules already holds what is needed. */
export async function ensureInstalled({ dev = false } = {}) {
  const lock = readJson(join(root, "package-lock.json"));
  if (lock === undefined)
    throw new ToolchainError("package-lock.json can not be read. Restore it with: git checkout package-lock.json");
  const installed = readJson(join(root, "node_modules", ".package-lock.json"));
  const missing = missingPackages(lock, installed, { dev });
  if (missing.length === 0 && pinnedNode() !== undefined) return;

  const why = installed === undefined ? "" : ` (${missing.length} changed since the last time)`;
  process.stderr.write(`installing dependencies${why}… `);
  const startedAt = Date.now();
  const result = await runNpm(["ci", ...(dev ? [] : ["--omit=dev"]), "--no-audit", "--no-fund", "--loglevel=error"]);
  if (result.code !== 0) throw new ToolchainError(`failed\n${explainNpm(result)}`);
  process.stderr.write(`done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`);
}

function runNpm(args) {
  // Under `npm start` the npm that started us is named; otherwise the one on PATH is used.
  const { npm_execpath: npmScript } = process.env;
  const [command, prefix] = npmScript?.endsWith(".js") ? [process.execPath, [npmScript]] : ["npm", []];
  return new Promise((resolve) => {
    const shell = process.platform === "win32" && command === "npm";
    const child = spawn(command, [...prefix, ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"], shell });
    let output = "";
    const keepTail = (chunk) => {
      output = (output + chunk).slice(-8000);
    };
    child.stdout.on("data", keepTail);
    child.stderr.on("data", keepTail);
    const unforward = forwardSignals(child);
    child.on("error", (error) => resolve({ code: 1, output: `${error.message}\n` }));
    child.on("close", (code, signal) => {
      unforward();
      resolve({ code: code ?? 1, signal, output });
    });
  });
}

function explainNpm({ output, signal }) {
  if (signal) return `npm was ended by ${signal}.`;
  // After the reason npm prints its whole manual.
  const shown = output.split(/^npm error (?:Clean install a project|Usage:)/m)[0].trim();
  if (/ENOENT.*npm|spawn npm/.test(output))
    return "npm was not found. Install Node.js 18 or later with npm from https://nodejs.org.";
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET/.test(output)) {
    return `${shown}\n\nThe npm registry could not be reached. Check the network, a proxy (npm config get proxy) and the registry (npm config get registry), then run the same command again.`;
  }
  if (/ENOSPC/.test(output)) return `${shown}\n\nThe disk is full. About 600 MB are needed.`;
  if (/EACCES|EPERM/.test(output)) return `${shown}\n\nThis folder can not be written by the current user: ${root}`;
  if (/EUSAGE|in sync/.test(output))
    return `${shown}\n\npackage.json and package-lock.json do not agree. Bring them together with: npm install`;
  return `${shown}\n\nRun it by hand to see everything: npm ci`;
}

/** The pinned Node from node_modules, or the running one where it is new enough; undefined where there is neither. */
export function pinnedNode() {
  const file = process.platform === "win32" ? "node.exe" : "node";
  const path = join(root, "node_modules", "node", "bin", file);
  if (existsSync(path)) return path;
  return Number.parseInt(process.versions.node, 10) >= NEEDED_NODE_MAJOR ? process.execPath : undefined;
}

/** The same, or an error that says how to get one. */
export function requireNode() {
  const node = pinnedNode();
  if (node !== undefined) return node;
  throw new ToolchainError(
    `Node ${NEEDED_NODE_MAJOR} is needed and this is ${process.version}. It comes with the "node" package, whose install script seems to be switched off ` +
      "(npm config get ignore-scripts). Allow it, or install Node 24 yourself, then run the same command again.",
  );
}

/** Runs a program with this terminal and the pinned Node first on PATH. Ends this process with its exit code. */
export function runAndExit(command, args) {
  const binDirs = [dirname(requireNode()), join(root, "node_modules", ".bin")];
  const env = { ...process.env, PATH: [...binDirs, process.env.PATH ?? ""].join(delimiter) };
  const child = spawn(command, args, { stdio: "inherit", env });
  forwardSignals(child);
  child.on("error", (error) => {
    process.stderr.write(`${command} could not be started: ${error.message}\n`);
    process.exit(1);
  });
  child.on("close", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const name of FORWARDED_SIGNALS) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

/** A signal meant for this process goes on to the child, which decides how to end. */
function forwardSignals(child) {
  const forward = (signal) => child.kill(signal);
  for (const signal of FORWARDED_SIGNALS) process.on(signal, forward);
  return () => {
    for (const signal of FORWARDED_SIGNALS) process.off(signal, forward);
  };
}

/** Runs a script's main function; a known problem is told in plain words. */
export async function main(run) {
  try {
    await run();
  } catch (error) {
    process.stderr.write(`${error instanceof ToolchainError ? error.message : error.stack}\n`);
    process.exitCode = 1;
  }
}
