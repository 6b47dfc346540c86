// A mesh that other terminals can find: one per folder, written down while it runs, and cleared of what an earlier one left behind.
import { systemClock } from "@chimera/kernel";
import { type EnvironmentLike, inheritedEnv } from "./config.ts";
import { type Mesh, type MeshEvent, type MeshOptions, startMesh } from "./mesh.ts";
import { ensureFolders, type MeshPaths } from "./paths.ts";
import type { PortPlan } from "./ports.ts";
import { DEFAULT_PORTS, SERVICE_NAMES } from "./services.ts";
import { identify, isSameProcess, type MeshState, readState, removeState, stateStatus, writeState } from "./state.ts";
import { stopRecorded } from "./stop-recorded.ts";

export class AlreadyRunningError extends Error {
  override readonly name = "AlreadyRunningError";
  readonly state: MeshState;
  constructor(state: MeshState) {
    super(`A mesh is running already (process ${state.supervisor.pid}).`);
    this.state = state;
  }
}

export type RecordedMeshOptions = Omit<MeshOptions, "dataDir" | "logDir"> & { paths: MeshPaths };

/** Starts a mesh and keeps its state file true until it is stopped. Throws AlreadyRunningError where one runs in this folder. */
export async function startRecordedMesh(options: RecordedMeshOptions): Promise<Mesh> {
  const { paths, onEvent = () => {}, clock = systemClock } = options;
  ensureFolders(paths.run);
  await clearStale(paths, onEvent);

  const startedAtMs = clock.nowMs();
  let mesh: Mesh | undefined;
  const record = () => {
    if (mesh !== undefined) writeState(paths, stateOf(mesh, startedAtMs));
  };
  const started = await startMesh({
    ...options,
    ports: options.ports ?? usualPorts(options.inherited ?? inheritedEnv()),
    dataDir: paths.data,
    logDir: paths.logs,
    onEvent: (event) => {
      if (event.kind === "started") record();
      onEvent(event);
    },
  });
  mesh = started;
  record();
  const stop = async () => {
    await started.stop();
    mesh = undefined;
    const state = readState(paths);
    if (state !== undefined && state.supervisor.pid === process.pid) removeState(paths);
  };
  return { ...started, stop };
}

async function clearStale(paths: MeshPaths, onEvent: (event: MeshEvent) => void): Promise<void> {
  const state = readState(paths);
  const status = stateStatus(state);
  if (state === undefined || status === "none") return;
  if (status === "running") throw new AlreadyRunningError(state);
  const left = state.processes.filter(isSameProcess).map((each) => each.name);
  if (left.length > 0) onEvent({ kind: "note", text: `ending what an earlier mesh left behind: ${left.join(", ")}` });
  await stopRecorded(paths, state);
}

/** The port a variable such as ROUTER_PORT names is required; the default one is taken where it is free. */
function usualPorts(env: EnvironmentLike): PortPlan {
  return Object.fromEntries(
    SERVICE_NAMES.map((service) => {
      const set = Number.parseInt(env[`${service.toUpperCase()}_PORT`] ?? "", 10);
      return [service, Number.isNaN(set) ? { preferred: DEFAULT_PORTS[service] } : set];
    }),
  );
}

function stateOf(mesh: Mesh, startedAtMs: number): MeshState {
  const nats = mesh.nats;
  const services = mesh.processes.map(({ name, service, pid, port, url, log, startedAtMs: at }) => {
    return { name, service, ...identify(pid), port, url, log, startedAtMs: at };
  });
  const natsState = nats && {
    name: "nats",
    service: "nats",
    ...identify(nats.process.pid),
    port: nats.port,
    url: nats.url,
    log: nats.process.log,
    startedAtMs: nats.startedAtMs,
  };
  return {
    version: 1,
    supervisor: identify(process.pid),
    startedAtMs,
    natsUrl: mesh.natsUrl,
    natsOrigin: mesh.natsOrigin,
    processes: natsState === undefined ? services : [...services, natsState],
  };
}
