#!/usr/bin/env node
// `npx chimera …` inside a clone, from whatever Node is on PATH: hands over to the pinned one, installing it first where it is missing.
import { join } from "node:path";
// @boundaries-ignore this runs before anything is installed, so it can not import a package
import { ensureInstalled, main, requireNode, root, runAndExit } from "../../../scripts/toolchain.mjs";

await main(async () => {
  await ensureInstalled();
  runAndExit(requireNode(), [join(root, "libs", "cli", "src", "main.ts"), ...process.argv.slice(2)]);
});
