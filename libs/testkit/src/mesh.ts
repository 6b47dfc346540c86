// A whole mesh for one test file: real processes, a NATS server of its own, free ports, a folder that goes away with it.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import { CacheService } from "@chimera/contracts/cache";
import { EvaluatorService } from "@chimera/contracts/evaluator";
import { InferenceService } from "@chimera/contracts/inference";
import { InsightService } from "@chimera/contracts/insight";
import { RouterService } from "@chimera/contracts/router";
import { connectClient, type RpcClient } from "@chimera/rpc";
import { type Mesh, type MeshOptions, startMesh } from "@chimera/supervisor";

export interface TestMesh extends AsyncDisposable {
  readonly mesh: Mesh;
  readonly folder: string;
  readonly router: RpcClient<typeof RouterService>["client"];
  readonly cache: RpcClient<typeof CacheService>["client"];
  readonly inference: RpcClient<typeof InferenceService>["client"];
  readonly evaluator: RpcClient<typeof EvaluatorService>["client"];
  readonly insight: RpcClient<typeof InsightService>["client"];
  /** A client of its own connection, closed with the mesh. */
  client<S extends DescService>(service: S, url: string): RpcClient<S>["client"];
}

export type TestMeshOptions = Omit<MeshOptions, "dataDir" | "logDir">;

/** Crashed services stay dead unless `restart` is asked for, so that a test sees what it caused. */
export async function startTestMesh(options: TestMeshOptions = {}): Promise<TestMesh> {
  const folder = await mkdtemp(join(tmpdir(), "chimera-test-"));
  const mesh = await startMesh({
    restart: false,
    ...options,
    // On a busy machine an answer of the cache may take long; only tests about its budget should meet it.
    env: { ROUTER_CACHE_BUDGET_MS: "5000", ...options.env },
    dataDir: join(folder, "data"),
    logDir: join(folder, "logs"),
  });
  const clients: RpcClient<DescService>[] = [];
  const client = <S extends DescService>(service: S, url: string): RpcClient<S>["client"] => {
    const made = connectClient(service, url);
    clients.push(made as unknown as RpcClient<DescService>);
    return made.client;
  };
  return {
    mesh,
    folder,
    client,
    router: client(RouterService, mesh.url("router")),
    cache: client(CacheService, mesh.url("cache")),
    inference: client(InferenceService, mesh.url("inference")),
    evaluator: client(EvaluatorService, mesh.url("evaluator")),
    insight: client(InsightService, mesh.url("insight")),
    async [Symbol.asyncDispose]() {
      for (const each of clients) each.close();
      await mesh.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
