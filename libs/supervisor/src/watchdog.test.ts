import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { identify, isSameProcess } from "./state.ts";

// A parent that starts a process, hands it to the watchdog, tells its id, and waits to be killed.
const PARENT = `
  import { startProcess } from ${JSON.stringify(fileURLToPath(new URL("./process.ts", import.meta.url)))};
  import { endWithUs } from ${JSON.stringify(fileURLToPath(new URL("./watchdog.ts", import.meta.url)))};
  const child = await startProcess({ name: "x", command: "sleep", args: ["600"], cwd: "/", env: process.env, log: "/dev/null" });
  endWithUs(child);
  console.log(child.pid);
  setInterval(() => {}, 1000);
`;

it("ends the process when its parent is killed", async () => {
  const parent = spawn(process.execPath, ["--input-type=module", "-e", PARENT], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(parent.stdout, "data");
  const child = identify(Number(String(line)));
  expect(isSameProcess(child)).toBe(true);

  parent.kill("SIGKILL");
  await expect.poll(() => isSameProcess(child), { timeout: 10_000 }).toBe(false);
});
