// `npm start [-- options]` on a bare clone: installs what is missing, then hands over to `chimera start` on the pinned Node.
import { join } from "node:path";
import { ensureInstalled, main, requireNode, root, runAndExit } from "./toolchain.mjs";

await main(async () => {
  await ensureInstalled();
  runAndExit(requireNode(), [join(root, "libs", "cli", "src", "main.ts"), "start", ...process.argv.slice(2)]);
});
