// What stands between the load and the fake engine, each a process of its own: nginx, HAProxy, and ours.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { CachePolicy, Role } from "@chimera/contracts/common";
import { GenerateRequestSchema as EngineRequestSchema } from "@chimera/contracts/inference";
import { GenerateRequestSchema, RouterService } from "@chimera/contracts/router";
import { envelope } from "@chimera/rpc";
import type { Mesh } from "@chimera/supervisor";
import type { BenchContext } from "../benchmark.ts";
import type { MeteredProcess } from "../cpu.ts";
import { GENERATE_PATH } from "../load/fake-engine.ts";
import type { FakeEngineCommands } from "../load/fake-engine-process.ts";
import type { GrpcLoadCommands } from "../load/grpc-load-process.ts";
import type { GrpcTarget } from "../load/grpc-streams.ts";
import { startWorker, type Worker } from "../load/worker.ts";
import { clientProcess, meshProcesses, withRouter } from "../mesh-under-test.ts";
import { type Cores, claimCores } from "../proxies/cores.ts";
import { startHaproxy } from "../proxies/haproxy.ts";
import { startNginx } from "../proxies/nginx.ts";
import type { RelayCommands } from "./relay-process.ts";

const RELAY_FILE = new URL("./relay-process.ts", import.meta.url);
const PROMPT_CHARACTERS = 1000;
const SENTENCE = "You are a helpful assistant that reads tickets. ";

export interface Subject {
  /** Stands in the ids: "relay" for the relay alone, "router" for the whole router. */
  name: "direct" | "nginx" | "haproxy" | "relay" | "router";
  /** With its version, for methods. */
  title: string;
  isOurs: boolean;
  target(tokens: number): GrpcTarget;
  /** All that work for it; none for the direct way. */
  processes: readonly MeteredProcess[];
}

export interface RelayBench {
  subjects: readonly Subject[];
  direct: Subject;
  load: Worker<GrpcLoadCommands>;
  engine: Worker<FakeEngineCommands>;
  cores: Cores;
  /** Everything that was started, and this process. */
  processes: readonly MeteredProcess[];
}

/** Whatever `work` does, everything that was started is stopped. */
export async function withSubjects<T>(context: BenchContext, work: (bench: RelayBench) => Promise<T>): Promise<T> {
  const started = new AsyncDisposableStack();
  try {
    const engine = started.adopt(await startWorker<FakeEngineCommands>("engine", processFile("fake-engine")), stop);
    const load = started.adopt(await startWorker<GrpcLoadCommands>("load", processFile("grpc-load")), stop);
    const { port } = await engine.ask("start", { arrivals: { kind: "burst" } });
    const relay = started.adopt(await startWorker<RelayCommands>("relay", RELAY_FILE), stop);
    const { port: relayPort } = await relay.ask("start", { enginePort: port });
    const alone = subjectOf({ name: "relay", title: "the router's relay alone", port: relayPort, processes: [relay] });
    const proxies = await startProxies(started, port, context);
    const direct = subjectOf({ name: "direct", title: "directly", port, processes: [] });
    return await withRouter(context, port, (mesh) => {
      const subjects = [...proxies, alone, routerSubject(mesh)];
      const cores = claimCores(context.progress);
      for (const { pid } of [engine, load]) cores.pin(pid, "load");
      for (const { pid } of subjects.flatMap(({ processes }) => processes)) cores.pin(pid, "subject");
      const processes = [
        ...proxies.flatMap((proxy) => proxy.processes),
        ...meshProcesses(mesh),
        ...[engine, load, relay].map(({ name, pid }) => ({ name, pid })),
        clientProcess(),
      ];
      return work({ subjects, direct, load, engine, cores, processes });
    });
  } finally {
    await started.disposeAsync();
  }
}

const stop = (each: { stop(): Promise<void> }) => each.stop();

function processFile(name: string): URL {
  return new URL(`../load/${name}-process.ts`, import.meta.url);
}

async function startProxies(
  started: AsyncDisposableStack,
  upstreamPort: number,
  { signal, progress }: BenchContext,
): Promise<Subject[]> {
  const folder = started.adopt(await mkdtemp(join(tmpdir(), "chimera-bench-proxies-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const subjects: Subject[] = [];
  const programs = [
    { name: "nginx", start: startNginx },
    { name: "haproxy", start: startHaproxy },
  ] as const;
  for (const { name, start } of programs) {
    const proxy = await start({ upstreamPort, folder, signal, progress });
    if (proxy === undefined) continue;
    started.defer(() => proxy.stop());
    const { version, port, pids } = proxy;
    const processes = pids.map((pid, index) => ({ name: `${name}-${index}`, pid }));
    subjects.push(subjectOf({ name, title: version, port, processes }));
  }
  return subjects;
}

function subjectOf(options: Pick<Subject, "name" | "title" | "processes"> & { port: number }): Subject {
  const { port, ...rest } = options;
  const target = (tokens: number) => ({ port, path: GENERATE_PATH, body: engineRequest(tokens), tokens });
  return { ...rest, isOurs: rest.name === "relay", target };
}

function routerSubject(mesh: Mesh): Subject {
  const path = `/${RouterService.typeName}/${RouterService.method.generate.name}`;
  const { name, pid, port } = mesh.process("router");
  return {
    name: "router",
    title: "the whole router, cache bypassed",
    isOurs: true,
    target: (tokens) => ({ port, path, body: routerRequest(tokens), tokens }),
    processes: [{ name, pid }],
  };
}

/** A prompt of 1 KB, so that a request is what it is in service. */
function asked(maxTokens: number) {
  const content = SENTENCE.repeat(1 + PROMPT_CHARACTERS / SENTENCE.length).slice(0, PROMPT_CHARACTERS);
  return { messages: [{ role: Role.USER, content }], sampling: { temperature: 0.7, maxTokens } };
}

function engineRequest(tokens: number): Buffer {
  const request: MessageInitShape<typeof EngineRequestSchema> = { requestId: "bench", ...asked(tokens) };
  return envelope(toBinary(EngineRequestSchema, create(EngineRequestSchema, request)));
}

function routerRequest(tokens: number): Buffer {
  const request = { ...asked(tokens), cachePolicy: CachePolicy.BYPASS };
  return envelope(toBinary(GenerateRequestSchema, create(GenerateRequestSchema, request)));
}
