// Looking after stored answers across processes: what one cache is told, all of them do, also after a restart.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommandLine } from "@chimera/cli";
import { CacheService } from "@chimera/contracts/cache";
import { FinishReason } from "@chimera/contracts/common";
import type { CacheReviewed } from "@chimera/contracts/events";
import { connectEvents } from "@chimera/events";
import { connectClient } from "@chimera/rpc";
import { freePorts, type Mesh, repositoryRoot, startMesh } from "@chimera/supervisor";
import { until } from "@chimera/testkit";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { testSurroundings } from "../../libs/cli/src/testing/surroundings.ts";

let folder: string;
let mesh: Mesh;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chimera-maintenance-"));
  mesh = await startMesh({
    services: ["cache"],
    restart: false,
    dataDir: join(folder, "data"),
    logDir: join(folder, "logs"),
    serviceEnv: { cache: { CACHE_REVIEW_S: "1", CACHE_CAPACITY_BYTES: "1000000" } },
  });
});
afterAll(async () => {
  await mesh.stop();
  await rm(folder, { recursive: true, force: true });
});

function clientOf(url: string) {
  const { client, close } = connectClient(CacheService, url);
  onTestFinished(close);
  return {
    ...client,
    keep: (prompt: string, tags: string[] = []) =>
      client.store({ input: inputOf(prompt), answer: answerOf(prompt), control: { tags } }),
    ask: async (prompt: string) => (await client.lookup({ input: inputOf(prompt) })).answer !== undefined,
  };
}

const inputOf = (prompt: string) => ({ tenant: "acme", model: "tiny", prompt, sampling: { temperature: 0 } });

const answerOf = (text: string) => ({
  deltas: [{ seq: 0, text, tokenCount: 1 }],
  complete: { finishReason: FinishReason.STOP, usage: { promptTokens: 9, completionTokens: 1 } },
  ttftMs: 5,
});

/** Another cache of the mesh, on a file that outlives it. */
async function startSecondCache() {
  const [port = 0] = await freePorts(1);
  const child = spawn(process.execPath, [join(repositoryRoot, "services/cache/src/main.ts")], {
    env: {
      PATH: process.env.PATH,
      CACHE_PORT: String(port),
      CACHE_REPLICA: "cache-2",
      CACHE_STORE: `sqlite://${join(folder, "second.db")}`,
      CHIMERA_NATS_URL: mesh.natsUrl,
      CHIMERA_LOG_LEVEL: "silent",
    },
    stdio: "ignore",
  });
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
  };
  onTestFinished(stop);
  const client = clientOf(`http://127.0.0.1:${port}`);
  await until("the second cache to answer", async () => (await client.stats({})) !== undefined);
  return { ...client, stop };
}

describe("an invalidation", () => {
  it("reaches every cache, and one that was down when it comes back", async () => {
    const first = clientOf(mesh.url("cache"));
    const second = await startSecondCache();
    for (const cache of [first, second]) {
      await cache.keep("about one", ["doc:1"]);
      await cache.keep("about two", ["doc:2"]);
      await cache.keep("about three", ["doc:3"]);
    }
    expect(await first.invalidate({ tag: "doc:1" })).toMatchObject({ entries: 1n });
    expect(await first.ask("about one")).toBe(false);
    await until("the second cache to drop it", async () => !(await second.ask("about one")));
    expect(await second.ask("about two")).toBe(true);

    await second.stop();
    await first.invalidate({ tag: "doc:2", tenant: "acme" });
    const again = await startSecondCache();
    await until("what was missed to be applied", async () => !(await again.ask("about two")));
    expect(await again.ask("about three")).toBe(true);
    expect(await first.ask("about three")).toBe(true);
  });
});

describe("the command line", () => {
  it("shows, explains, prunes and undoes", async () => {
    const cache = clientOf(mesh.url("cache"));
    for (let at = 0; at < 40; at += 1) await cache.keep(`question ${at}`);
    for (let at = 0; at < 5; at += 1) await cache.ask(`question ${at}`);
    const { keyPrefix } = await cache.lookup({ input: inputOf("question 39") });
    const run = async (...args: string[]) => {
      const surroundings = testSurroundings();
      try {
        const code = await runCommandLine(["cache", ...args, "--url", mesh.url("cache")], surroundings, "main.ts");
        return `${code} ${surroundings.written.out}${surroundings.written.err}`;
      } finally {
        surroundings.remove();
      }
    };
    expect(await run("stats")).toMatch(/^0 store +memory, policy s3-fifo[\s\S]*risk +low\n[\s\S]*acme +\d+/);
    expect(await run("explain", keyPrefix)).toMatch(/is resident: stored \d+ s ago, served once/);
    const dry = await run("prune", "--dry-run", "--never-hit");
    expect(dry).toMatch(/^0 Would take out 3\d answers/);
    const pruned = await run("prune", "--never-hit");
    expect(pruned.split(",")[0]).toBe(dry.split(",")[0]?.replace("Would take", "Took"));
    expect(await cache.ask("question 20")).toBe(false);
    expect(await cache.ask("question 0")).toBe(true);
    const id = /undo (\S+)/.exec(pruned)?.[1] ?? "";
    expect(await run("undo", id)).toMatch(/^0 Put back 3\d\.\n/);
    expect(await cache.ask("question 20")).toBe(true);
    expect(await run("undo", id)).toMatch(/^1 error there is no prune/);
    expect(await run("invalidate", "--tenant", "acme")).toMatch(/^0 Dropped \d+ here/);
    expect(await run("explain", keyPrefix)).toMatch(/is invalidated: invalidated \d+ s ago/);
    expect(await run("explain", "12")).toMatch(/^1 error key_prefix: needs 8 to 64 hex digits/);
  });
});

describe("a review", () => {
  it("is told to the mesh at its interval, and changes nothing", async () => {
    const logger = { info: () => undefined, warn: () => undefined };
    const bus = await connectEvents({ url: mesh.natsUrl, name: "listener", logger });
    onTestFinished(() => bus.close());
    const reviews: CacheReviewed[] = [];
    await bus.follow({
      kinds: ["cacheReviewed"],
      handle: ({ event }) => void (event.kind === "cacheReviewed" && reviews.push(event.message)),
    });
    const [review] = await until("two reviews", () => reviews.length >= 2 && reviews);
    expect(review).toMatchObject({ replica: "cache" });
    expect(await clientOf(mesh.url("cache")).stats({})).toMatchObject({ capacityBytes: 1_000_000n, policy: "s3-fifo" });
  });
});
