import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureFolders, type MeshPaths, meshPaths } from "./paths.ts";
import { identify, type MeshState, readState, removeState, statePath, stateStatus, writeState } from "./state.ts";
import { stopRecorded } from "./stop-recorded.ts";

let paths: MeshPaths;
const children: ChildProcess[] = [];
beforeEach(() => {
  paths = meshPaths(mkdtempSync(join(tmpdir(), "chimera-state-")));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(paths.base, { recursive: true, force: true });
});

async function someProcess(script = "setInterval(() => {}, 1000)"): Promise<ChildProcess & { pid: number }> {
  const child = spawn(process.execPath, ["-e", `${script}; process.stdout.write("up")`], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  await once(child.stdout, "data");
  return Object.assign(child, { pid: child.pid ?? -1 });
}

function state(supervisor: MeshState["supervisor"], processes: MeshState["processes"] = []): MeshState {
  return { version: 1, supervisor, startedAtMs: 0, natsUrl: "nats://127.0.0.1:1", natsOrigin: "test", processes };
}

function recorded(name: string, pid: number): MeshState["processes"][number] {
  return { name, service: name, ...identify(pid), port: 1, url: "", log: "", startedAtMs: 0 };
}

describe("stateStatus", () => {
  it("is running while the supervisor lives and stale once it is gone", async () => {
    const child = await someProcess();
    writeState(paths, state(identify(child.pid)));
    expect(stateStatus(readState(paths))).toBe("running");

    child.kill("SIGKILL");
    await once(child, "exit");
    expect(stateStatus(readState(paths))).toBe("stale");
  });

  it("is stale where another process has the supervisor's id by now", () => {
    expect(stateStatus(state({ pid: process.pid, startTicks: "1" }))).toBe("stale");
  });

  it("is none without a file, with half a file, and after removal", () => {
    expect(stateStatus(readState(paths))).toBe("none");
    ensureFolders(paths.run);
    writeFileSync(statePath(paths), '{"version": 1, "sup');
    expect(stateStatus(readState(paths))).toBe("none");
    writeState(paths, state(identify(process.pid)));
    removeState(paths);
    expect(stateStatus(readState(paths))).toBe("none");
  });
});

describe("stopRecorded", () => {
  it("ends what a dead supervisor left behind, by force where it must, and touches nothing else", async () => {
    const [gone, polite, stubborn, stranger] = await Promise.all([
      someProcess(),
      someProcess(),
      someProcess('process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'),
      someProcess(),
    ]);
    const supervisor = identify(gone.pid);
    gone.kill("SIGKILL");
    await once(gone, "exit");
    const ended = Promise.all([once(polite, "exit"), once(stubborn, "exit")]);
    const left = state(supervisor, [
      recorded("nats", stubborn.pid),
      recorded("router", polite.pid),
      { ...recorded("cache", stranger.pid), startTicks: "1" },
    ]);
    writeState(paths, left);

    expect(await stopRecorded(paths, left, { orphanGraceMs: 200 })).toEqual(["router", "nats"]);
    expect((await ended).map(([, signal]) => signal)).toEqual(["SIGTERM", "SIGKILL"]);
    expect(stranger.exitCode).toBeNull();
    expect(readState(paths)).toBeUndefined();
  });
});
