// A real Redis server for one test: its own port and folder, ended by its own process id.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Whether this machine has one (apt-get install redis-server). */
export const hasRedis = spawnSync("redis-server", ["--version"], { stdio: "ignore" }).status === 0;

export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#args = args;
  }

  /** Settings as on its command line, for example "--maxmemory", "5mb". */
  static async start(...args: readonly string[]): Promise<RedisServer> {
    const server = await RedisServer.prepare(...args);
    await server.run();
    return server;
  }

  /** Has its port and folder, and does not run yet. */
  static async prepare(...args: readonly string[]): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), "chimera-redis-"));
    return new RedisServer(await freePort(), folder, args);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}/0`;
  }

  /** Resolves when it takes connections. */
  async run(): Promise<void> {
    const own = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder, "--daemonize", "no"];
    const args = [...own, "--save", "", "--appendonly", "no", ...this.#args];
    const child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#process = child;
    await new Promise<void>((resolve, reject) => {
      child.once("error", (error) =>
        reject(new Error(`redis-server is needed on PATH for this test: ${error.message}`)),
      );
      const log: string[] = [];
      createInterface({ input: child.stdout }).on("line", (line) => {
        log.push(line);
        if (line.includes("Ready to accept connections")) resolve();
      });
      child.once("exit", (code) => reject(new Error(`redis-server ended with ${code}:\n${log.slice(-10).join("\n")}`)));
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** As a crash: nothing is written, no connection is closed in order. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
