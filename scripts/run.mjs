// Runs a tool of the project on the pinned Node and installs it first where it is missing.
//   node scripts/run.mjs test [vitest arguments]       all tests, or the files named
//   node scripts/run.mjs --dev <tool> [arguments]      a tool that only development needs: biome, buf, tsc, turbo
//   node scripts/run.mjs <file> [arguments]            a file of this repository
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { ensureInstalled, main, requireNode, root, runAndExit, ToolchainError } from "./toolchain.mjs";

await main(async () => {
  const [first, ...rest] = process.argv.slice(2);
  const dev = first === "--dev";
  const [name, ...args] = dev ? rest : [first, ...rest];
  if (name === undefined) throw new ToolchainError("Say what to run, for example: node scripts/run.mjs test");

  const isTest = name === "test" && !dev;
  // What only tests need is a development dependency as well.
  await ensureInstalled({ dev: dev || isTest });
  if (isTest) runAndExit(requireNode(), [join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...args]);
  else if (dev)
    runAndExit(join(root, "node_modules", ".bin", process.platform === "win32" ? `${name}.cmd` : name), args);
  else if (existsSync(resolve(root, name))) runAndExit(requireNode(), [resolve(root, name), ...args]);
  else
    throw new ToolchainError(
      `There is no file ${name} here. A development tool is run with: node scripts/run.mjs --dev ${name}`,
    );
});
