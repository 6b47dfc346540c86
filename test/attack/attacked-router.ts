// A router as it runs in a mesh, an honest client that is served all the while, and what must be true when the attack is over.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Health, HealthCheckResponse_ServingStatus } from "@chimera/contracts/health";
import { InferenceService } from "@chimera/contracts/inference";
import { RouterService } from "@chimera/contracts/router";
import { connectClient, type RpcClient } from "@chimera/rpc";
import { FrameConnection } from "@chimera/rpc/testing";
import { type Mesh, startMesh } from "@chimera/supervisor";
import { ask, until } from "@chimera/testkit";
import { expect } from "vitest";

export const GENERATE = "/chimera.router.v1.RouterService/Generate";
/** The heap a router may have here. One that keeps what is sent to it ends, and the test with it. */
const HEAP_MIB = 160;
/** That heap, what lies outside of it, and as much again. */
const MAX_RSS_MIB = 600;

export class AttackedRouter implements AsyncDisposable {
  readonly #mesh: Mesh;
  readonly #folder: string;
  readonly #pid: number;

  private constructor(mesh: Mesh, folder: string) {
    this.#mesh = mesh;
    this.#folder = folder;
    this.#pid = mesh.process("router").pid;
  }

  /** Answers are simulated: an attack shall cost the router something, and not the model. */
  static async start(routerEnv: Record<string, string> = {}): Promise<AttackedRouter> {
    const folder = mkdtempSync(join(tmpdir(), "chimera-attack-"));
    const engine = { INFERENCE_ENGINE: "simulated", CHIMERA_SIMULATED_TIME_SCALE: "100" };
    const mesh = await startMesh({
      services: ["router", "inference"],
      serviceEnv: { router: { NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}`, ...routerEnv }, inference: engine },
      restart: false,
      dataDir: join(folder, "data"),
      logDir: join(folder, "logs"),
    });
    return new AttackedRouter(mesh, folder);
  }

  get port(): number {
    return this.#mesh.process("router").port;
  }

  connect(options: { preface?: boolean } = {}): FrameConnection {
    return new FrameConnection(this.port, options);
  }

  /** Runs the attack while an honest client asks one question after the other: every one of them must be answered. */
  async serveHonestClientDuring(attack: () => Promise<void>): Promise<void> {
    await using honest = this.#client(RouterService, "router");
    let isOver = false;
    let answered = 0;
    const asking = (async () => {
      do {
        const answer = await ask(honest.client, question(answered));
        expect(answer.complete.usage?.completionTokens).toBeGreaterThan(0);
        answered += 1;
      } while (!isOver);
    })();
    try {
      // It ends before the attack only where it fails.
      await Promise.race([attack(), asking]);
    } finally {
      isOver = true;
      await asking;
    }
  }

  /** The same process, healthy, with nothing left of the attack in it. */
  async expectRecovered(): Promise<void> {
    expect(this.#mesh.process("router").pid).toBe(this.#pid);
    await using health = this.#client(Health, "router");
    await using router = this.#client(RouterService, "router");
    await using engine = this.#client(InferenceService, "inference");
    expect((await health.client.check({})).status).toBe(HealthCheckResponse_ServingStatus.SERVING);
    await until("a router with nothing in flight", async () => {
      for await (const { inFlight } of router.client.watchStats({})) return inFlight === 0;
      return false;
    });
    await until("an idle engine", async () => {
      const now = await engine.client.describe({});
      return now.activeGenerations === 0 && now.queued === 0;
    });
    expect(rssMib(this.#pid)).toBeLessThan(MAX_RSS_MIB);
  }

  #client<S extends Parameters<typeof connectClient>[0]>(service: S, at: "router" | "inference") {
    const made: RpcClient<S> = connectClient(service, this.#mesh.url(at));
    return { client: made.client, [Symbol.asyncDispose]: async () => made.close() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mesh.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function question(n: number) {
  return { prompt: `order ${n}`, sampling: { maxTokens: 3, temperature: 0 } };
}

function rssMib(pid: number): number {
  if (process.platform === "linux") {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kib) / 1024;
  }
  return Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) / 1024;
}
