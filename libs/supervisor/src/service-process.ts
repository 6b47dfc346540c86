// One service of the mesh over its life: started, watched, restarted where it crashes, and drained at the end.

import { pathToFileURL } from "node:url";
import type { Clock } from "@chimera/kernel";
import type { EnvironmentLike } from "./config.ts";
import { waitUntilServing } from "./health.ts";
import { keepRunning, type ProcessEvent } from "./keep-running.ts";
import { repositoryRoot } from "./paths.ts";
import {
  describeExit,
  type ExitInfo,
  endProcess,
  type ManagedProcess,
  ProcessFailedError,
  startProcess,
} from "./process.ts";
import { RestartBudget } from "./restart-budget.ts";
import { entryPoint, type ServiceName } from "./services.ts";

const NEEDED_NODE_MAJOR = 24;
/** Tracing starts before the service makes its first span; the other file ends the service when the supervisor is gone. */
const PRELOADED = ["@chimera/telemetry/register", "@chimera/supervisor/follow-parent"];

export interface ServiceProcessOptions {
  name: string;
  service: ServiceName;
  port: number;
  url: string;
  log: string;
  env: EnvironmentLike;
  restart: boolean;
  readyTimeoutMs: number;
  clock: Clock;
  onEvent(event: ProcessEvent): void;
}

export class ServiceProcess {
  readonly #options: ServiceProcessOptions;
  readonly #budget: RestartBudget;
  /** Aborted once the service shall end: no restart after it. */
  readonly #stopping = new AbortController();
  #current: ManagedProcess | undefined;
  #startedAtMs = 0;

  constructor(options: ServiceProcessOptions) {
    this.#options = options;
    this.#budget = new RestartBudget(options.clock);
  }

  get name(): string {
    return this.#options.name;
  }
  get service(): ServiceName {
    return this.#options.service;
  }
  get port(): number {
    return this.#options.port;
  }
  get url(): string {
    return this.#options.url;
  }
  get log(): string {
    return this.#options.log;
  }
  /** Of the process that runs now, or ran last. */
  get pid(): number {
    return this.#process().pid;
  }
  get startedAtMs(): number {
    return this.#startedAtMs;
  }
  /** Settles when the process that runs now ends. */
  get exited(): Promise<ExitInfo> {
    return this.#process().exited;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process().kill(signal);
  }

  /** Starts it and waits until it serves. Throws with the end of its log where it does not. */
  async start(): Promise<void> {
    const process = await this.#spawn();
    await this.#waitUntilServing(process);
    this.#watch(process);
  }

  /** Lets it drain; ends it by force after the grace. Nothing restarts it any more. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    if (this.#current !== undefined) await endProcess(this.#current, graceMs);
  }

  #process(): ManagedProcess {
    if (this.#current === undefined) throw new Error(`${this.name} was not started`);
    return this.#current;
  }

  async #spawn(): Promise<ManagedProcess> {
    const { name, log, env } = this.#options;
    const preload = PRELOADED.flatMap((module) => ["--import", pathToFileURL(resolveModule(module)).href]);
    this.#current = await startProcess({
      name,
      command: nodeProgram(),
      args: ["--disable-warning=ExperimentalWarning", ...preload, entryPoint(this.service)],
      cwd: repositoryRoot,
      env: { ...env, CHIMERA_SUPERVISOR_PID: String(process.pid) },
      log,
      channel: true,
    });
    // A stop that came while the process was being made has not seen it.
    if (this.#stopping.signal.aborted) this.#current.kill("SIGTERM");
    this.#startedAtMs = this.#options.clock.nowMs();
    this.#options.onEvent({ kind: "started", name, pid: this.#current.pid });
    return this.#current;
  }

  async #waitUntilServing(process: ManagedProcess): Promise<void> {
    const { name, url, readyTimeoutMs, clock, log, onEvent } = this.#options;
    const ended = new AbortController();
    void process.exited.then(() => ended.abort());
    const signal = AbortSignal.any([ended.signal, this.#stopping.signal]);
    if (await waitUntilServing(url, { timeoutMs: readyTimeoutMs, signal, clock })) {
      onEvent({ kind: "serving", name, pid: process.pid });
      return;
    }
    if (process.exit !== undefined) throw new ProcessFailedError(name, describeExit(process.exit), log);
    throw new ProcessFailedError(name, `did not serve at ${url} within ${readyTimeoutMs / 1000} s`, log);
  }

  #watch(first: ManagedProcess): void {
    const { restart, onEvent } = this.#options;
    const spawn = async () => {
      const process = await this.#spawn();
      // An end before it serves is seen by the watch; a hang shows in `status` as "unreachable".
      void this.#waitUntilServing(process).catch(() => {});
      return process;
    };
    const budget = restart ? this.#budget : undefined;
    void keepRunning({ first, budget, stopping: this.#stopping.signal, spawn, onEvent });
  }
}

function resolveModule(specifier: string): string {
  return new URL(import.meta.resolve(specifier)).pathname;
}

/** The Node that runs this, or the pinned one where this is too old to run TypeScript. */
function nodeProgram(): string {
  const major = Number.parseInt(process.versions.node, 10);
  return major >= NEEDED_NODE_MAJOR
    ? process.execPath
    : new URL("node_modules/node/bin/node", pathToFileURL(`${repositoryRoot}/`)).pathname;
}
