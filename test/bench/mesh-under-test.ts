// A mesh for one benchmark: real processes on free ports, files in a folder of its own that goes away with it.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inheritedEnv, type Mesh, type MeshOptions, startMesh } from "@chimera/supervisor";
import type { BenchContext } from "./benchmark.ts";
import type { MeteredProcess } from "./cpu.ts";

/** Streams are over by the time a benchmark ends, so draining is short. */
const DRAIN_GRACE_MS = 3000;
/** Settings of whoever runs it would change what an id means; those of the mesh are the defaults and what `env` says. */
const SETTINGS = /^(CHIMERA|ROUTER|CACHE|INFERENCE|EVALUATOR|INSIGHT|OTEL)_/;

/**
 * Stopped whatever `work` does. A service that dies stays dead, so that no restart is measured as service, unless restarts are what
 * is measured.
 */
export async function withMesh<T>(
  { signal, progress }: BenchContext,
  options: Pick<MeshOptions, "services" | "serviceEnv" | "replicas" | "restart">,
  work: (mesh: Mesh) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "chimera-bench-"));
  try {
    progress("starting a mesh");
    const mesh = await startMesh({
      ...options,
      dataDir: join(folder, "data"),
      logDir: join(folder, "logs"),
      inherited: Object.fromEntries(Object.entries(inheritedEnv()).filter(([name]) => !SETTINGS.test(name))),
      restart: options.restart ?? false,
      drainGraceMs: DRAIN_GRACE_MS,
      signal,
    });
    try {
      return await work(mesh);
    } finally {
      progress("stopping the mesh");
      await mesh.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A router and NATS, before an engine that is no part of the mesh; without a cache. */
export function withRouter<T>(context: BenchContext, enginePort: number, work: (mesh: Mesh) => Promise<T>): Promise<T> {
  const serviceEnv = { router: { CHIMERA_INFERENCE_URLS: `http://127.0.0.1:${enginePort}` } };
  return withMesh(context, { services: ["router"], serviceEnv }, work);
}

/** Every process that serves: the services and the mesh's own NATS. */
export function meshProcesses(mesh: Mesh): MeteredProcess[] {
  const services = mesh.processes.map(({ name, pid }) => ({ name, pid }));
  return mesh.nats === undefined ? services : [...services, { name: "nats", pid: mesh.nats.process.pid }];
}

export const CLIENT = "client";

/** This process: load generator and supervisor. */
export function clientProcess(): MeteredProcess {
  return { name: CLIENT, pid: process.pid };
}
