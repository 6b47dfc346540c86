// Starts NATS and the five services, each its own process, and stops them in an order that loses nothing.
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "@chimera/kernel";
import { type EnvironmentLike, inheritedEnv } from "./config.ts";
import type { ProcessEvent } from "./keep-running.ts";
import { findNatsServer } from "./nats/find.ts";
import { type NatsServer, startNats } from "./nats/server.ts";
import { datasetsFolder, ensureFolders, meshPaths } from "./paths.ts";
import { assignPorts, type PortPlan } from "./ports.ts";
import type { ExitInfo } from "./process.ts";
import { ServiceProcess } from "./service-process.ts";
import { addressEnv, LOOPBACK, ownEnv, SERVICE_NAMES, type ServiceName, STOP_ORDER } from "./services.ts";

const DEFAULT_READY_TIMEOUT_MS = 60_000;
const DEFAULT_DRAIN_GRACE_MS = 12_000;
const MAX_REPLICAS = 16;

export type MeshEvent =
  | ProcessEvent
  | { kind: "note"; text: string }
  | { kind: "nats"; url: string; version: string; origin: string };

export interface MeshOptions {
  /** Streams and stores; a folder of its own isolates a mesh from every other. */
  dataDir: string;
  /** One file per process. */
  logDir: string;
  /** Where ports are not wished for, free ones are taken. */
  ports?: PortPlan;
  /** Uses this server, which is not stopped. Otherwise CHIMERA_NATS_URL of `env`, or one of the mesh's own. */
  natsUrl?: string;
  /** All five where unset. */
  services?: readonly ServiceName[];
  /** Processes of a service that may have several; 1 where unset, at most 16. */
  replicas?: { inference?: number; router?: number; evaluator?: number };
  /** What the processes inherit; the environment of this process where unset. */
  inherited?: EnvironmentLike;
  /** Added for every service, and for one of them. */
  env?: EnvironmentLike;
  serviceEnv?: Partial<Record<ServiceName, EnvironmentLike>>;
  /** Whether a crashed service is started again; true where unset. */
  restart?: boolean;
  readyTimeoutMs?: number;
  /** Time each service has to drain before it is ended by force. */
  drainGraceMs?: number;
  onEvent?(event: MeshEvent): void;
  clock?: Clock;
  /** Gives up the start; what runs by then is stopped. */
  signal?: AbortSignal;
}

export interface MeshProcess {
  readonly name: string;
  readonly service: ServiceName;
  readonly port: number;
  readonly url: string;
  readonly log: string;
  /** Of the process that runs now; another one after a restart. */
  readonly pid: number;
  readonly startedAtMs: number;
  readonly exited: Promise<ExitInfo>;
  kill(signal: NodeJS.Signals): void;
}

export interface Mesh {
  readonly natsUrl: string;
  readonly natsOrigin: string;
  /** Undefined where the server is not the mesh's own. */
  readonly nats: NatsServer | undefined;
  readonly processes: readonly MeshProcess[];
  /** Address of the first process of a service. */
  url(service: ServiceName): string;
  /** The process with this name, for example "inference-2". */
  process(name: string): MeshProcess;
  /** Router, evaluator, cache, inference, insight, NATS. Safe to call more than once. */
  stop(): Promise<void>;
}

interface Plan {
  name: string;
  service: ServiceName;
  port: number;
  url: string;
}

export async function startMesh(options: MeshOptions): Promise<Mesh> {
  const { onEvent = () => {}, signal } = options;
  ensureFolders(options.dataDir, options.logDir);
  const started: Partial<{ nats: NatsServer; services: ServiceProcess[] }> = {};
  const graceMs = options.drainGraceMs ?? DEFAULT_DRAIN_GRACE_MS;
  try {
    const { plans, natsPort } = await plan(options);
    keepPreviousLogs(options.logDir, ["nats", ...plans.map(({ name }) => name)]);
    const nats = await provideNats(options, natsPort, onEvent);
    if (nats.server !== undefined) started.nats = nats.server;
    signal?.throwIfAborted();
    started.services = plans.map((each) => serviceProcess(each, { options, plans, natsUrl: nats.url, onEvent }));
    await startAll(started.services, signal);
    return meshOf(started.services, nats, graceMs);
  } catch (error) {
    await stopAll(started.services ?? [], started.nats, graceMs);
    throw error;
  }
}

/**
 * The door opens last, when what it needs is there. The others start together; the first failure, or the caller's signal,
 * ends the wait for all.
 */
async function startAll(services: readonly ServiceProcess[], signal: AbortSignal | undefined): Promise<void> {
  const [door, behind] = [services.filter(isDoor), services.filter((each) => !isDoor(each))];
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  const onAbort = () => aborted.reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    for (const group of [behind, door]) {
      await Promise.race([Promise.all(group.map((service) => service.start())), aborted.promise]);
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

function isDoor({ service }: { service: ServiceName }): boolean {
  return service === "router";
}

async function plan(options: MeshOptions): Promise<{ plans: Plan[]; natsPort: number }> {
  const { services = SERVICE_NAMES, ports = {}, replicas = {} } = options;
  const wanted: Partial<Record<ServiceName, number>> = replicas;
  const countOf = (service: ServiceName) => Math.min(MAX_REPLICAS, Math.max(1, wanted[service] ?? 1));
  const named = services.flatMap((service) =>
    Array.from({ length: countOf(service) }, (_, index) => ({
      service,
      name: index === 0 ? service : `${service}-${index + 1}`,
    })),
  );
  const wishes = named.map(({ name, service }) => ({ name, wish: name === service ? ports[service] : undefined }));
  const assigned = await assignPorts([...wishes, { name: "nats", wish: ports.nats }]);
  const plans = named.map(({ name, service }) => {
    const port = assigned.get(name) ?? 0;
    return { name, service, port, url: `http://${LOOPBACK}:${port}` };
  });
  return { plans, natsPort: assigned.get("nats") ?? 0 };
}

/** A log holds one run; the one before is kept beside it, older ones are not. */
function keepPreviousLogs(logDir: string, names: readonly string[]): void {
  for (const name of names) {
    const log = join(logDir, `${name}.log`);
    if (existsSync(log)) renameSync(log, join(logDir, `${name}.previous.log`));
  }
}

interface ProvidedNats {
  url: string;
  origin: string;
  server: NatsServer | undefined;
}

async function provideNats(
  options: MeshOptions,
  port: number,
  onEvent: (event: MeshEvent) => void,
): Promise<ProvidedNats> {
  const { dataDir, logDir, clock = systemClock } = options;
  const env = { ...(options.inherited ?? inheritedEnv()), ...options.env };
  const source = await findNatsServer({
    env: options.natsUrl === undefined ? env : { ...env, CHIMERA_NATS_URL: options.natsUrl },
    installDir: meshPaths().natsInstall,
    report: (text) => onEvent({ kind: "note", text }),
  });
  if (source.kind === "external") {
    onEvent({ kind: "nats", url: source.url, version: source.version, origin: source.origin });
    return { url: source.url, origin: source.origin, server: undefined };
  }
  const { restart = true } = options;
  const server = await startNats({ program: source.path, dataDir, logDir, port, env, restart, onEvent, clock });
  const origin = `${source.path}, ${source.origin}`;
  onEvent({ kind: "nats", url: server.url, version: source.version, origin });
  return { url: server.url, origin, server };
}

interface Wiring {
  options: MeshOptions;
  plans: readonly Plan[];
  natsUrl: string;
  onEvent(event: MeshEvent): void;
}

function serviceProcess(
  { name, service, port, url }: Plan,
  { options, plans, natsUrl, onEvent }: Wiring,
): ServiceProcess {
  const byService = Map.groupBy(plans, (each) => each.service);
  const urls = new Map([...byService].map(([key, list]) => [key, list.map((each) => each.url)]));
  const datasets = datasetsFolder(options.dataDir);
  const env = {
    ...(service === "evaluator" && { EVALUATOR_DATASETS_DIR: datasets }),
    ...(options.inherited ?? inheritedEnv()),
    CHIMERA_DATA_DIR: join(options.dataDir, name),
    ...options.env,
    ...options.serviceEnv?.[service],
    ...addressEnv(urls, natsUrl),
    ...ownEnv(service, name, port),
  };
  ensureFolders(join(options.dataDir, name), ...(service === "evaluator" ? [datasets] : []));
  return new ServiceProcess({
    name,
    service,
    port,
    url,
    log: join(options.logDir, `${name}.log`),
    env,
    restart: options.restart ?? true,
    readyTimeoutMs: options.readyTimeoutMs ?? DEFAULT_READY_TIMEOUT_MS,
    clock: options.clock ?? systemClock,
    onEvent,
  });
}

function meshOf(services: readonly ServiceProcess[], nats: ProvidedNats, graceMs: number): Mesh {
  let stopped: Promise<void> | undefined;
  const find = (name: string) => {
    const found = services.find((each) => each.name === name);
    if (found === undefined)
      throw new Error(`this mesh has no process ${name}: ${services.map((each) => each.name).join(", ")}`);
    return found;
  };
  return {
    natsUrl: nats.url,
    natsOrigin: nats.origin,
    nats: nats.server,
    processes: services,
    url: (service) => find(service).url,
    process: find,
    stop: () => {
      stopped ??= stopAll(services, nats.server, graceMs);
      return stopped;
    },
  };
}

async function stopAll(
  services: readonly ServiceProcess[],
  nats: NatsServer | undefined,
  graceMs: number,
): Promise<void> {
  for (const name of STOP_ORDER) {
    await Promise.all(services.filter((each) => each.service === name).map((each) => each.stop(graceMs)));
  }
  await nats?.stop();
}
