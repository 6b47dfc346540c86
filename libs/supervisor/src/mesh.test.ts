// Real services and a real NATS server, in a folder of their own and on free ports.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkHealth } from "./health.ts";
import { type Mesh, type MeshEvent, type MeshOptions, startMesh } from "./mesh.ts";
import { readNatsInfo } from "./nats/info.ts";
import { meshPaths } from "./paths.ts";
import { AlreadyRunningError, startRecordedMesh } from "./recorded-mesh.ts";
import { isSameProcess, readState, stateStatus } from "./state.ts";

let folder: string;
const meshes: Mesh[] = [];
const events: MeshEvent[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "chimera-mesh-"));
  events.length = 0;
});
afterEach(async () => {
  await Promise.all(meshes.splice(0).map((mesh) => mesh.stop()));
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: Partial<MeshOptions>): Promise<Mesh> {
  const mesh = await startMesh({
    dataDir: join(folder, "data"),
    logDir: join(folder, "logs"),
    onEvent: (event) => events.push(event),
    ...options,
  });
  meshes.push(mesh);
  return mesh;
}

function kindsOf(name: string): string[] {
  return events.filter((event) => "name" in event && event.name === name).map((event) => event.kind);
}

describe("startMesh", () => {
  it("starts what was asked for, and leaves nothing behind when it is stopped", async () => {
    const mesh = await start({ services: ["cache", "insight"] });
    expect(mesh.processes.map(({ name }) => name)).toEqual(["cache", "insight"]);
    expect(await checkHealth(mesh.url("cache"))).toBe("serving");

    await mesh.stop();
    expect(await checkHealth(mesh.url("cache"))).toBe("unreachable");
    await expect(readNatsInfo(mesh.natsUrl, 1000)).rejects.toThrow();
    expect(await mesh.process("cache").exited).toEqual({ code: 0, signal: null });
  });

  it("starts a crashed service again on the same port", async () => {
    const mesh = await start({ services: ["cache"] });
    const cache = mesh.process("cache");
    const before = cache.pid;
    cache.kill("SIGKILL");
    await expect
      .poll(() => kindsOf("cache"), { timeout: 30_000 })
      .toEqual(["started", "serving", "crashed", "restarting", "started", "serving"]);
    expect(cache.pid).not.toBe(before);
    expect(await checkHealth(cache.url)).toBe("serving");
  });

  it("leaves a crashed service down where restarts are off", async () => {
    const mesh = await start({ services: ["cache"], restart: false });
    mesh.process("cache").kill("SIGKILL");
    expect(await mesh.process("cache").exited).toEqual({ code: null, signal: "SIGKILL" });
    await expect.poll(() => kindsOf("cache")).toEqual(["started", "serving", "crashed"]);
    expect(await checkHealth(mesh.url("cache"))).toBe("unreachable");
  });

  it("shows the last words of a service that can not start, and stops the others", async () => {
    const starting = start({ services: ["cache"], serviceEnv: { cache: { CACHE_CAPACITY_BYTES: "many" } } });
    await expect(starting).rejects.toThrow(/cache ended with exit code 2[\s\S]*CACHE_CAPACITY_BYTES/);
    const nats = events.find((event) => event.kind === "nats");
    await expect(readNatsInfo(nats?.url ?? "", 1000)).rejects.toThrow();
  });

  it("gives up the start when it is told to", async () => {
    const given = new AbortController();
    const starting = start({
      services: ["cache"],
      signal: given.signal,
      onEvent: (event) => {
        events.push(event);
        if (event.kind === "started") given.abort(new Error("enough"));
      },
    });
    await expect(starting).rejects.toThrow("enough");
    const started = events.find((event) => event.kind === "started");
    expect(isSameProcess({ pid: started?.pid ?? 0 })).toBe(false);
  });

  it("keeps the log of the run before", async () => {
    await (await start({ services: ["cache"] })).stop();
    await start({ services: ["cache"] });
    expect(readFileSync(join(folder, "logs", "cache.previous.log"), "utf8")).toContain('"msg":"stopped"');
    expect(readFileSync(join(folder, "logs", "cache.log"), "utf8")).not.toContain('"msg":"stopped"');
  });
});

describe("startRecordedMesh", () => {
  it("can be found while it runs, refuses a second one, and is forgotten afterwards", async () => {
    const paths = meshPaths(folder);
    const mesh = await startRecordedMesh({ paths, services: ["cache"], ports: {} });
    meshes.push(mesh);
    const state = readState(paths);
    expect(stateStatus(state)).toBe("running");
    expect(state?.processes).toMatchObject([
      { name: "cache", url: mesh.url("cache") },
      { name: "nats", url: mesh.natsUrl },
    ]);
    await expect(startRecordedMesh({ paths, services: ["cache"] })).rejects.toBeInstanceOf(AlreadyRunningError);

    await mesh.stop();
    expect(readState(paths)).toBeUndefined();
  });

  it("writes down the new process of a restarted service", async () => {
    const paths = meshPaths(folder);
    const mesh = await startRecordedMesh({ paths, services: ["cache"], ports: {} });
    meshes.push(mesh);
    const before = readState(paths)?.processes[0]?.pid;
    mesh.process("cache").kill("SIGKILL");
    await expect.poll(() => readState(paths)?.processes[0]?.pid, { timeout: 30_000 }).not.toBe(before);
    expect(readState(paths)?.processes[0]?.pid).toBe(mesh.process("cache").pid);
  });
});
