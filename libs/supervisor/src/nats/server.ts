// Starts a NATS server of the mesh's own: loopback only, JetStream on, its files below the mesh's data folder.
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Clock, systemClock } from "@chimera/kernel";
import type { EnvironmentLike } from "../config.ts";
import { keepRunning, type ProcessEvent } from "../keep-running.ts";
import { ensureFolders } from "../paths.ts";
import { describeExit, endProcess, type ManagedProcess, ProcessFailedError, startProcess } from "../process.ts";
import { RestartBudget } from "../restart-budget.ts";
import { endWithUs } from "../watchdog.ts";
import { readNatsInfo } from "./info.ts";

const HOST = "127.0.0.1";
/** The server's own default, written down because publishers rely on it: a larger event is refused, not cut. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;
/** Bounds of JetStream as a whole; the streams have smaller ones of their own. */
const MAX_FILE_STORE = "2GB";
const MAX_MEMORY_STORE = "64MB";
const READY_TIMEOUT_MS = 15_000;
const POLL_MS = 30;
const STOP_GRACE_MS = 8000;

export interface NatsOptions {
  program: string;
  dataDir: string;
  logDir: string;
  port: number;
  env: EnvironmentLike;
  /** Whether it is started again after a crash; its streams are still there then. */
  restart?: boolean;
  onEvent?(event: ProcessEvent): void;
  clock?: Clock;
}

export interface NatsServer {
  readonly url: string;
  readonly port: number;
  /** The one that runs now; another one after a restart. */
  readonly process: ManagedProcess;
  readonly startedAtMs: number;
  stop(): Promise<void>;
}

export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const { dataDir, logDir, port, restart = false, onEvent = () => {}, clock = systemClock } = options;
  const folder = join(dataDir, "nats");
  ensureFolders(folder, logDir);
  // Whatever answers at the port must be this very server, not one that was there before.
  const name = `chimera-${randomUUID().slice(0, 8)}`;
  const config = join(folder, "nats.conf");
  writeFileSync(config, configText({ name, port, folder }));

  const url = `nats://${HOST}:${port}`;
  const stopping = new AbortController();
  let process = await spawnNats(options, config);
  let startedAtMs = clock.nowMs();
  await waitUntilReady({ name, url, process, clock });
  const spawn = async () => {
    process = await spawnNats(options, config);
    startedAtMs = clock.nowMs();
    onEvent({ kind: "started", name: process.name, pid: process.pid });
    return process;
  };
  const budget = restart ? new RestartBudget(clock) : undefined;
  void keepRunning({ first: process, budget, stopping: stopping.signal, spawn, onEvent });
  return {
    url,
    port,
    get process() {
      return process;
    },
    get startedAtMs() {
      return startedAtMs;
    },
    stop: async () => {
      stopping.abort();
      await endProcess(process, STOP_GRACE_MS);
    },
  };
}

async function spawnNats({ program, logDir, env }: NatsOptions, config: string): Promise<ManagedProcess> {
  const process = await startProcess({
    name: "nats",
    command: program,
    args: ["-c", config],
    cwd: dirname(config),
    env: { PATH: env.PATH },
    log: join(logDir, "nats.log"),
  });
  endWithUs(process);
  return process;
}

function configText({ name, port, folder }: { name: string; port: number; folder: string }): string {
  return [
    "# Written by the supervisor at every start.",
    `server_name: ${name}`,
    `listen: "${HOST}:${port}"`,
    `max_payload: ${MAX_PAYLOAD_BYTES}`,
    "jetstream {",
    `  store_dir: ${JSON.stringify(join(folder, "jetstream"))}`,
    `  max_file_store: ${MAX_FILE_STORE}`,
    `  max_memory_store: ${MAX_MEMORY_STORE}`,
    "}",
    "",
  ].join("\n");
}

interface Readiness {
  name: string;
  url: string;
  process: ManagedProcess;
  clock: Clock;
}

async function waitUntilReady({ name, url, process, clock }: Readiness): Promise<void> {
  const deadline = clock.monotonicMs() + READY_TIMEOUT_MS;
  while (clock.monotonicMs() < deadline) {
    if (process.exit !== undefined)
      throw new ProcessFailedError("nats-server", describeExit(process.exit), process.log);
    const info = await readNatsInfo(url, 1000).catch(() => undefined);
    if (info?.name === name && info.jetstream) return;
    await wait(POLL_MS);
  }
  await endProcess(process, STOP_GRACE_MS);
  throw new ProcessFailedError(
    "nats-server",
    `did not answer at ${url} within ${READY_TIMEOUT_MS / 1000} s`,
    process.log,
  );
}
