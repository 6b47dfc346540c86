// The door, and the gateways it is compared with, each before a model server of the same pace.
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts, inheritedEnv, type Mesh } from "@chimera/supervisor";
import type { BenchContext } from "../benchmark.ts";
import type { MeteredProcess } from "../cpu.ts";
import type { Pace } from "../load/arrivals.ts";
import type { ChatLoadCommands } from "../load/chat-load-process.ts";
import type { ChatTarget } from "../load/chat-streams.ts";
import type { FakeEngineCommands } from "../load/fake-engine-process.ts";
import type { FakeOpenaiCommands } from "../load/fake-openai-process.ts";
import { startWorker, type Worker } from "../load/worker.ts";
import { clientProcess, meshProcesses, withRouter } from "../mesh-under-test.ts";
import { startChild, untilListening } from "../proxies/child.ts";
import { type Cores, claimCores } from "../proxies/cores.ts";
import { processTree } from "../proxies/process-tree.ts";
import { findLitellm, findPortkey, LITELLM_VERSION, PORTKEY_NODE, PORTKEY_VERSION } from "./install.ts";

/** 20 ms to the first of 20 tokens, then one every 2 ms: 58 ms an answer. */
export const PACE: Pace = { firstMs: 20, everyMs: 2, count: 20 };
const MODEL = "fake";
/** A Python server reads a few hundred megabytes of code first. */
const START_TIMEOUT_MS = { quick: 20_000, full: 120_000 };

export interface Gateway {
  name: "direct" | "ours" | "portkey" | "litellm";
  title: string;
  target: ChatTarget;
  /** All that work for it; none for the direct way. */
  processes: readonly MeteredProcess[];
}

export interface DoorBench {
  /** The direct way first, then ours, then those that are there. */
  gateways: readonly Gateway[];
  load: Worker<ChatLoadCommands>;
  cores: Cores;
  /** Everything that was started, and this process. */
  processes: readonly MeteredProcess[];
}

/** Whatever `work` does, everything that was started is stopped. */
export async function withGateways<T>(context: BenchContext, work: (bench: DoorBench) => Promise<T>): Promise<T> {
  const started = new AsyncDisposableStack();
  const worker = async <W extends Worker<never>>(starting: Promise<W>) =>
    started.adopt(await starting, (each) => each.stop());
  try {
    const openai = await worker(startWorker<FakeOpenaiCommands>("openai", processFile("fake-openai")));
    const engine = await worker(startWorker<FakeEngineCommands>("engine", processFile("fake-engine")));
    const load = await worker(startWorker<ChatLoadCommands>("load", processFile("chat-load")));
    const { port: openaiPort } = await openai.ask("start", PACE);
    const { port: enginePort } = await engine.ask("start", { arrivals: { kind: "paced", ...PACE } });
    const peers = await startPeers(started, openaiPort, context);
    return await withRouter(context, enginePort, (mesh) => {
      const direct = gatewayOf({ name: "direct", title: "directly", port: openaiPort, processes: [] });
      const gateways = [direct, oursOf(mesh), ...peers];
      const cores = claimCores(context.progress);
      const workers = [openai, engine, load].map(({ name, pid }) => ({ name, pid }));
      for (const { pid } of workers) cores.pin(pid, "load");
      for (const { pid } of gateways.flatMap(({ processes }) => processes)) cores.pin(pid, "subject");
      const processes = [...workers, ...peers.flatMap((peer) => peer.processes), ...meshProcesses(mesh)];
      return work({ gateways, load, cores, processes: [...processes, clientProcess()] });
    });
  } finally {
    await started.disposeAsync();
  }
}

function processFile(name: string): URL {
  return new URL(`../load/${name}-process.ts`, import.meta.url);
}

interface GatewayOptions extends Pick<Gateway, "name" | "title" | "processes"> {
  port: number;
  headers?: Readonly<Record<string, string>>;
}

function gatewayOf({ port, headers = {}, ...rest }: GatewayOptions): Gateway {
  return { ...rest, target: { port, model: MODEL, headers, tokens: PACE.count } };
}

function oursOf(mesh: Mesh): Gateway {
  const { name, pid, port } = mesh.process("router");
  return gatewayOf({ name: "ours", title: "the router", port, processes: [{ name, pid }] });
}

interface Peer extends Omit<GatewayOptions, "processes" | "port"> {
  command: string;
  /** How it is told to listen there. */
  args(port: number): readonly string[];
  env: Readonly<Record<string, string>>;
}

/** One that can not be had, or does not start, is left out with a word. */
async function startPeers(
  started: AsyncDisposableStack,
  openaiPort: number,
  context: BenchContext,
): Promise<Gateway[]> {
  const folder = started.adopt(await mkdtemp(join(tmpdir(), "chimera-bench-gateways-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const options = { install: !context.quick, progress: context.progress };
  // Portkey is there in seconds, so that a quick run has somebody to be compared with.
  const found = await Promise.all([
    portkey(openaiPort, { ...options, install: true }),
    litellm(openaiPort, { ...options, folder }),
  ]);
  const peers = found.filter((peer) => peer !== undefined);
  const gateways = await Promise.all(peers.map((peer) => startPeer(started, peer, { context, folder })));
  return gateways.filter((gateway) => gateway !== undefined);
}

interface FindOptions {
  install: boolean;
  progress(line: string): void;
}

async function portkey(openaiPort: number, options: FindOptions): Promise<Peer | undefined> {
  const files = await findPortkey(options);
  return (
    files && {
      name: "portkey",
      title: `Portkey ${PORTKEY_VERSION} on Node ${PORTKEY_NODE}`,
      command: files.node,
      args: (port) => [files.server, "--headless", `--port=${port}`],
      env: { TRUSTED_CUSTOM_HOSTS: "127.0.0.1" },
      headers: {
        authorization: "Bearer unused",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": `http://127.0.0.1:${openaiPort}/v1`,
      },
    }
  );
}

async function litellm(openaiPort: number, options: FindOptions & { folder: string }): Promise<Peer | undefined> {
  const command = await findLitellm(options);
  if (command === undefined) return undefined;
  const config = join(options.folder, "litellm.json");
  const api = { model: `openai/${MODEL}`, api_base: `http://127.0.0.1:${openaiPort}/v1`, api_key: "unused" };
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ model_list: [{ model_name: MODEL, litellm_params: api }] }));
  const one = ["--num_workers", "1", "--telemetry", "False", "--host", "127.0.0.1"];
  return {
    name: "litellm",
    title: `LiteLLM ${LITELLM_VERSION}, one worker`,
    command,
    args: (port) => ["--config", config, "--port", String(port), ...one],
    env: { LITELLM_LOCAL_MODEL_COST_MAP: "True", LITELLM_LOG: "ERROR" },
  };
}

async function startPeer(
  started: AsyncDisposableStack,
  { name, title, command, args, env, headers }: Peer,
  { context, folder }: { context: BenchContext; folder: string },
): Promise<Gateway | undefined> {
  const { quick, signal, progress } = context;
  const [port = 0] = await freePorts(1);
  progress(`starting ${title}`);
  const child = await startChild({ name, command, args: args(port), cwd: folder, env: { ...inheritedEnv(), ...env } });
  started.defer(() => child.stop());
  try {
    const timeoutMs = quick ? START_TIMEOUT_MS.quick : START_TIMEOUT_MS.full;
    await untilListening(child, port, { timeoutMs, signal });
  } catch (error) {
    signal.throwIfAborted();
    progress(`${title} is left out: ${error instanceof Error ? error.message : error}`);
    await child.stop();
    return undefined;
  }
  // Both work in one process, or have made their others by the time they listen.
  const processes = processTree(child.pid).map((pid, index) => ({ name: `${name}-${index}`, pid }));
  return gatewayOf({ name, title, port, processes, ...(headers && { headers }) });
}
