// Runs the whole mesh on one machine: a NATS server and the five services, each its own process.
export { type EnvironmentLike, inheritedEnv } from "./config.ts";
export { freePorts, isPortFree } from "./free-port.ts";
export { checkHealth, type HealthState } from "./health.ts";
export { tail } from "./log-tail.ts";
export {
  type Mesh,
  type MeshEvent,
  type MeshOptions,
  type MeshProcess,
  startMesh,
} from "./mesh.ts";
export { findNatsServer, type NatsSource } from "./nats/find.ts";
export { readNatsInfo } from "./nats/info.ts";
export { type NatsServer, startNats } from "./nats/server.ts";
export { datasetsFolder, ensureFolders, type MeshPaths, meshPaths, repositoryRoot } from "./paths.ts";
export type { PortPlan, PortWish } from "./ports.ts";
export { type ExitInfo, ProcessFailedError } from "./process.ts";
export { AlreadyRunningError, type RecordedMeshOptions, startRecordedMesh } from "./recorded-mesh.ts";
export { DEFAULT_PORTS, SERVICE_NAMES, type ServiceName } from "./services.ts";
export {
  identify,
  type MeshState,
  type ProcessState,
  readState,
  removeState,
  type StateStatus,
  stateStatus,
  writeState,
} from "./state.ts";
export { killRecorded, stopRecorded } from "./stop-recorded.ts";
